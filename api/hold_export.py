"""What is kept for a hold as one archive: texts, originals, and a list of all with its checksums."""

import hashlib
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memory.catalogue.keeping import Keeping, KeptVersion

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")

MANIFEST = "manifest.json"


def write_archive(target: Path, keeping: Keeping, hold: dict[str, Any], documents: Sequence[str]) -> None:
    """Write a ZIP archive of every version that is kept of some documents.

    :param target: replaced where it exists.
    :param hold: what is said of the hold, as JSON values.

    ``manifest.json`` lists each version with what was known of it, its people and access, the places of its text and
    original in the archive, and their SHA-256. Names in it are ours, so that no source can choose where they are unpacked.
    """
    versions, written = [], set[str]()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for version in keeping.versions(documents):
            text = version.text.encode("utf-8", "surrogatepass")
            place = f"texts/{version.document}-{version.id}.txt"
            archive.writestr(place, text)
            told = _told(version) | {"text": place, "text_sha256": hashlib.sha256(text).hexdigest()}
            if version.original:
                told["original"] = original = f"originals/{version.original[:16]}/{_name(version.name)}"
                if original not in written:
                    written.add(original)
                    with archive.open(original, "w", force_zip64=True) as file:
                        for piece in keeping.pieces(version.original):
                            file.write(piece)
            versions.append(told)
        manifest = {"hold": hold, "versions": versions}
        archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2))


def _told(version: KeptVersion) -> dict[str, Any]:
    return {
        "document": version.document,
        "version": version.version,
        "kept": version.at.isoformat(),
        **version.facts,
        "original": None,
        "original_of": str(version.root),
        "original_sha256": version.original,
        "original_problem": version.problem,
    }


def _name(name: str) -> str:
    """A file name without anything that leads elsewhere or cannot be written."""
    return _PLAIN.sub("_", name).strip("._")[-100:] or "original"
