"""A collection in a folder: which layout it has, which version it is, and whether it still is that version."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.collections.beir import CORPUS, QUERIES, JsonCorpus, qrels_file, read_qrels, read_queries
from eval.collections.lines import joint_checksum, write_lines
from eval.collections.model import Collection, Corpus, Qrels, Query
from eval.collections.trec import TrecCorpus, read_topics, read_trec_qrels
from memory.errors import InvalidInput, NotFound

MANIFEST = "collection.json"
"""Name, version, checksum and marked slices of a collection; what is not in it goes by the folder."""

_TOPICS = ("topics.tsv", "topics.txt", "topics.xml")
_DOCUMENTS = "documents.trec"
_QRELS = "qrels.txt"


def open_queries(folder: Path) -> tuple[Query, ...]:
    """The queries of a collection that nobody need have judged yet.

    :raises NotFound: where there are none.
    :raises InvalidInput: where a line is no query, naming it.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no collection {folder}.", hint="Give the folder that holds its queries.")
    return _queries(folder)[0]


def open_collection(folder: Path, qrels: str = "") -> Collection:
    """Read a collection: BEIR's layout, or ``topics.txt``, ``qrels.txt`` and ``documents.trec`` as TREC has them.

    :param qrels: the name of the judgements where there are several, ``test`` unless given.
    :raises NotFound: where a file is missing.
    :raises InvalidInput: where a line cannot be understood, or the files are not those of the sealed version.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no collection {folder}.", hint="Give the folder that holds its queries.")
    read, paths = _read(folder, qrels)
    checksum = joint_checksum(folder, paths)
    known = _manifest(folder)
    sealed = known.get("checksums", {})
    name = paths[-1].relative_to(folder).as_posix()
    if name in sealed and sealed[name] != checksum:
        raise InvalidInput(
            f"The files of {folder.name} are not those of its version {known.get('version') or '(unnamed)'} any more.",
            hint="Bring them back, or give this state a version of its own: `mneme eval seal`.",
        )
    return replace(
        read,
        name=str(known.get("name") or folder.resolve().name),
        version=str(known.get("version") or ""),
        checksum=checksum,
        marked=tuple(known.get("marked") or ()),
    )


def seal(folder: Path, version: str, *, qrels: str = "", marked: tuple[str, ...] | None = None) -> Collection:
    """Give the files of a collection, as they are now, a version.

    :param marked: the slices a change may not make worse; those of before unless given.
    :raises NotFound: where a file is missing.
    :raises InvalidInput: where a line cannot be understood.
    """
    known = _manifest(folder)
    _, paths = _read(folder, qrels)
    name = paths[-1].relative_to(folder).as_posix()
    checksums = known.get("checksums", {}) if known.get("version") == version else {}
    sealed = {
        **known,
        "name": known.get("name") or folder.resolve().name,
        "version": version,
        "checksums": {**checksums, name: joint_checksum(folder, paths)},
        "marked": list(known.get("marked", ()) if marked is None else marked),
    }
    write_lines(folder / MANIFEST, [json.dumps(sealed, ensure_ascii=False, indent=2)])
    return open_collection(folder, qrels)


def _read(folder: Path, qrels: str) -> tuple[Collection, list[Path]]:
    """The collection without its name, and its files, the judgements last."""
    corpus: Corpus | None = None
    if (folder / CORPUS).exists():
        corpus = JsonCorpus(folder / CORPUS)
    elif (folder / _DOCUMENTS).exists():
        corpus = TrecCorpus(folder / _DOCUMENTS)
    queries, asked = _queries(folder)
    judged, judgements = _judgements(folder, qrels)
    paths = [*([corpus.path] if isinstance(corpus, JsonCorpus | TrecCorpus) else []), asked, judged]
    return Collection(folder.name, queries, judgements, "", corpus), paths


def _queries(folder: Path) -> tuple[tuple[Query, ...], Path]:
    if (folder / QUERIES).exists():
        return read_queries(folder / QUERIES), folder / QUERIES
    for name in _TOPICS:
        if (path := folder / name).exists():
            return read_topics(path), path
    raise NotFound(
        f"The folder {folder} holds no queries.", hint=f"They lie in {QUERIES} (BEIR) or {_TOPICS[1]} (TREC)."
    )


def _judgements(folder: Path, name: str) -> tuple[Path, Qrels]:
    if not name and (folder / _QRELS).exists():
        return folder / _QRELS, read_trec_qrels(folder / _QRELS)
    path = qrels_file(folder, name)
    return path, read_qrels(path)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.") from error
    if not isinstance(known, dict):
        raise InvalidInput(f"{path} is no JSON object.")
    return known
