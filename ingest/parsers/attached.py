"""Files inside files: taken out of Office packages and PDFs, and held to limits.

The old binary Office formats and RTF keep what is embedded as text of their own: Tika reads it in place.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ingest.parsers.base import Attachment
from ingest.parsers.detect import HEAD
from memory.errors import ParseError

MAX_FILES = 200
"""Files taken out of one file; the others share one ledger row that says so."""

MAX_BYTES = 64 * 1024 * 1024
"""Bytes taken out of one file."""

TOO_LARGE = f"attached, and larger than {MAX_BYTES >> 20} MB together with what is attached before it"

_EMBEDDED = re.compile(r"(?:word|xl|ppt|visio)/embeddings/[^/]+")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PACKAGED = ("Package", "CONTENTS")
_NATIVE = "\x01Ole10Native"
_OFFICE_STREAMS = ("WordDocument", "Workbook", "Book", "PowerPoint Document")
_ANNOTATED = re.compile(r'<div source="annotationFileAttachment".*?(?=<div class="annotation">)', re.DOTALL)
_EMPTIED = re.compile(r'<div class="package-entry">\s*<h1>[^<]*</h1>\s*</div>')
_AFTER_PAGES = re.compile(r'<div source="attachment".*(?=</body>)', re.DOTALL)


def bounded(
    found: Iterable[Attachment], unread: Callable[[Attachment, bytes], str] = lambda _part, _head: ""
) -> Iterator[Attachment]:
    """Attachments with their digests, as many and as large as the limits allow; the others say why not.

    :param unread: says why a file of this kind becomes no document, ``""`` where it does: such a file's bytes go
        no further.
    """
    taken = count = more = 0
    for part in found:
        if count >= MAX_FILES:
            more += 1
            continue
        count += 1
        digest = part.digest or (hashlib.sha256(part.data).hexdigest() if part.data else "")
        problem = part.problem or unread(part, part.data[:HEAD])
        if not problem and taken + len(part.data) > MAX_BYTES:
            problem = TOO_LARGE
        if not problem:
            taken += len(part.data)
        yield replace(part, digest=digest, problem=problem, data=b"" if problem else part.data)
    if more:
        yield Attachment(
            "further files", b"", problem=f"{more} further files are attached: more than {MAX_FILES}"
        )


def of_package(data: bytes) -> tuple[list[Attachment], bytes]:
    """What is embedded in an Office Open XML file, and the file without it.

    Tika would otherwise read what is embedded as text of the document itself.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = [part for part in package.infolist() if _EMBEDDED.fullmatch(part.filename)]
            if not parts:
                return [], data
            found = [each for part in parts for each in _embedded(package, part)]
            return found, _without(package, {part.filename for part in parts})
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError):
        return [], data  # Tika says what is wrong with it


def of_pdf(data: bytes) -> list[Attachment]:
    """The files attached to a PDF and to the annotations of its pages.

    :raises ParseError: where it says that it has some, and they cannot be read.
    """
    import pypdf
    from pypdf.errors import PyPdfError

    if b"/EmbeddedFile" not in data and b"/ObjStm" not in data:
        return []
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return []  # Tika says that it needs a password
        return list(_filed(reader))
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        if b"/EmbeddedFile" in data:
            raise ParseError(f"its attachments cannot be read: {type(error).__name__}") from error
        return []


def without_attached(xhtml: str) -> str:
    """Tika's XHTML without the text of a PDF's attachments."""
    return _AFTER_PAGES.sub("", _ANNOTATED.sub("", xhtml))


def without_names(xhtml: str) -> str:
    """Tika's XHTML without the names of pictures and of parts that were emptied: they are no text of the document."""
    return _EMPTIED.sub("", xhtml)


def _embedded(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[Attachment]:
    name = part.filename.rpartition("/")[2]
    with package.open(part) as file:
        data = file.read(MAX_BYTES + 1)  # the declared size may be a lie
    if len(data) > MAX_BYTES:
        yield Attachment(name, b"", problem=TOO_LARGE)
    elif data.startswith(_OLE) and name.lower().endswith(".bin"):
        yield _unwrapped(name, data)
    elif data:
        yield Attachment(name, data)


def _without(package: zipfile.ZipFile, names: set[str]) -> bytes:
    """The package with these parts empty: gone, they would be missed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as copy:
        for part in package.infolist():
            copy.writestr(part.filename, b"" if part.filename in names else package.read(part))
    return made.getvalue()


def _unwrapped(name: str, data: bytes) -> Attachment:
    """The file inside an OLE object, or the object where it is a document itself."""
    import olefile

    stem = name.rpartition(".")[0]
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            for stream in _PACKAGED:
                if ole.exists(stream):
                    return Attachment(stem, ole.openstream(stream).read())
            if ole.exists(_NATIVE):
                label, inner = _native(ole.openstream(_NATIVE).read())
                return Attachment(label or stem, inner)
            if any(ole.exists(stream) for stream in _OFFICE_STREAMS):
                return Attachment(stem, data)
    except (OSError, ValueError, IndexError) as error:
        return Attachment(name, b"", problem=f"broken object: {error}")
    return Attachment(name, b"", problem="an object of a program that is not known")


def _native(stream: bytes) -> tuple[str, bytes]:
    """Label and bytes of an Ole10Native stream: size, two flags, label, path, eight bytes, a path, the file.

    Layout: [MS-OLEDS] 2.3.6 and the packager's own, as Apache POI reads it.
    """
    label, at = _zero_ended(stream, 6)
    _, at = _zero_ended(stream, at)
    at += 4
    length = int.from_bytes(stream[at : at + 4], "little")
    at += 4 + length
    size = int.from_bytes(stream[at : at + 4], "little")
    inner = stream[at + 4 : at + 4 + size]
    if not inner or len(inner) != size:
        raise ValueError("its file is cut off")
    return label.rpartition("\\")[2], inner


def _zero_ended(stream: bytes, start: int) -> tuple[str, int]:
    end = stream.index(b"\0", start)
    return stream[start:end].decode("cp1252", "replace"), end + 1


def _filed(reader: Any) -> Iterator[Attachment]:
    root = reader.trailer["/Root"].get_object()
    specs = list(_named((root.get("/Names") or {}).get("/EmbeddedFiles"), set()))
    specs += [each.get_object() for each in root.get("/AF") or ()]
    for page in reader.pages:
        for annotation in page.get("/Annots") or ():
            known = annotation.get_object()
            if known.get("/Subtype") == "/FileAttachment" and known.get("/FS"):
                specs.append(known["/FS"].get_object())
    seen: set[str] = set()
    for spec in specs:
        if isinstance(spec, dict):
            yield from _of_spec(spec, seen)


def _named(node: Any, seen: set[int]) -> Iterator[Any]:
    """The values of a name tree: ISO 32000-1, 7.9.6."""
    node = node.get_object() if node is not None else None
    if not isinstance(node, dict) or id(node) in seen:
        return
    seen.add(id(node))
    names = node.get("/Names") or ()
    yield from (value.get_object() for value in list(names)[1::2])
    for kid in node.get("/Kids") or ():
        yield from _named(kid, seen)


def _of_spec(spec: Any, seen: set[str]) -> Iterator[Attachment]:
    """The file of a file specification, in each version of it that differs (ISO 32000-1, 7.11.3)."""
    for key in ("/UF", "/F", "/DOS", "/Mac", "/Unix"):
        stream = (spec.get("/EF") or {}).get(key)
        if stream is None:
            continue
        name = str(spec.get(key) or spec.get("/UF") or spec.get("/F") or "attachment")
        inner = stream.get_object().get_data()
        digest = hashlib.sha256(inner).hexdigest()
        if digest not in seen:
            seen.add(digest)
            yield Attachment(re.split(r"[/\\]", name)[-1] or "attachment", inner, digest=digest)
