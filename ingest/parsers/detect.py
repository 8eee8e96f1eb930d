"""What kind of file it is: the bytes decide, the name's ending where they do not."""

import re

from ingest.parsers.decode import utf16_without_mark

HEAD = 65_536
"""How many of the first bytes are enough."""

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
BY_ENDING: dict[str, str] = {
    "txt": "text/plain", "text": "text/plain", "log": "text/plain", "md": "text/markdown", "markdown": "text/markdown",
    "rst": "text/x-rst", "dokuwiki": "text/x-dokuwiki", "wiki": "text/x-wiki", "mediawiki": "text/x-wiki", "org": "text/org", "htm": "text/html", "html": "text/html", "xhtml": "text/html",
    "csv": "text/csv", "tsv": "text/tab-separated-values", "tab": "text/tab-separated-values",
    "json": "application/json", "ndjson": "application/json", "jsonl": "application/json", "yaml": "application/yaml", "yml": "application/yaml",
    "xml": "application/xml", "xsl": "application/xml", "toml": "text/x-toml", "ini": "text/x-ini", "tex": "text/x-tex", "sql": "text/x-sql",
    "py": "text/x-python", "go": "text/x-go", "js": "text/javascript", "ts": "text/x-typescript", "java": "text/x-java",
    "c": "text/x-c", "h": "text/x-c", "cpp": "text/x-c++", "rs": "text/x-rust", "sh": "text/x-sh", "css": "text/css", "r": "text/x-r",
    "pdf": "application/pdf", "rtf": "application/rtf", "epub": "application/epub+zip",
    "doc": "application/msword", "dot": "application/msword", "xls": "application/vnd.ms-excel", "xlt": "application/vnd.ms-excel",
    "ppt": "application/vnd.ms-powerpoint", "pps": "application/vnd.ms-powerpoint", "msg": "application/vnd.ms-outlook",
    "docx": _OOXML + "wordprocessingml.document", "docm": _OOXML + "wordprocessingml.document", "dotx": _OOXML + "wordprocessingml.document",
    "xlsx": _OOXML + "spreadsheetml.sheet", "xlsm": _OOXML + "spreadsheetml.sheet",
    "pptx": _OOXML + "presentationml.presentation", "pptm": _OOXML + "presentationml.presentation", "ppsx": _OOXML + "presentationml.presentation",
    "odt": _ODF + "text", "ott": _ODF + "text", "ods": _ODF + "spreadsheet", "odp": _ODF + "presentation",
    "eml": "message/rfc822", "mbox": "application/mbox", "pst": "application/vnd.ms-outlook-pst",
    "zip": "application/zip", "gz": "application/gzip", "tar": "application/x-tar", "7z": "application/x-7z-compressed",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff",
    "heic": "image/heic", "webp": "image/webp", "svg": "image/svg+xml",
    "wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac", "m4a": "audio/mp4", "mp4": "video/mp4", "mov": "video/quicktime", "avi": "video/x-msvideo",
}  # fmt: skip
"""The media type an ending stands for."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\x89PNG\r\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!", "application/vnd.rar"),
    (0, b"BZh", "application/x-bzip2"),
    (257, b"ustar", "application/x-tar"),
    (0, b"!BDN", "application/vnd.ms-outlook-pst"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-executable"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS = (
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__substg1.0", "application/vnd.ms-outlook"),
)
_OLE_TYPES = {kind for _, kind in _OLE_STREAMS}
_ZIP_PARTS = (
    (b"word/", _OOXML + "wordprocessingml.document"),
    (b"xl/", _OOXML + "spreadsheetml.sheet"),
    (b"ppt/", _OOXML + "presentationml.presentation"),
)
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_MAIL = re.compile(
    rb"^(?:from|to|received|date|message-id|subject|return-path|mime-version|delivered-to|x-[\w-]+):",
    re.IGNORECASE | re.MULTILINE,
)
_TEXT_LIKE = (
    "text/",
    "application/json",
    "application/yaml",
    "application/xml",
    "message/",
    "application/mbox",
    "image/svg",
)
OLE_UNKNOWN = "application/x-tika-msoffice"
UNKNOWN = "application/octet-stream"


def detect(name: str, head: bytes) -> str:
    """The media type of a file.

    :param name: its name; the ending counts where the bytes leave it open.
    :param head: its first bytes, `HEAD` of them.
    """
    named = BY_ENDING.get(name.rpartition(".")[2].lower() if "." in name else "", "")
    if not head:
        return named or UNKNOWN
    if container := _container(head, named):
        return container
    text = _is_text(head)
    for offset, magic, kind in _MAGIC:
        # Two letters such as BM or MZ may begin a text as well.
        if head.startswith(magic, offset) and not (text and len(magic) <= 3):
            return kind
    if text:
        return _text(head, named)
    return named if named and not named.startswith(("text/", "application/json")) else UNKNOWN


def _container(head: bytes, named: str) -> str:
    if head.startswith(_OLE):
        return _ole(head, named)
    if head.startswith(b"PK\x03\x04"):
        return _zip(head, named)
    return "application/pdf" if b"%PDF-" in head[:1024] else ""


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or utf16_without_mark(head):
        return True
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x1b\x08" for byte in head[:4096])
    return b"\x00" not in head[:4096] and controls <= len(head[:4096]) * 0.02


def _text(head: bytes, named: str) -> str:
    if named.startswith(_TEXT_LIKE) and named != "text/plain":
        return named
    if _HTML.match(head[:4096]):
        return "text/html"
    if named == "text/plain":
        return named
    if head.startswith(b"From ") and _MAIL.search(head):
        return "application/mbox"
    if len({found.group().lower() for found in _MAIL.finditer(head[:4096].split(b"\n\n")[0])}) >= 3:
        return "message/rfc822"
    return "application/xml" if head.lstrip().startswith(b"<?xml") else "text/plain"


def _zip(head: bytes, named: str) -> str:
    # OpenDocument and EPUB store their own media type as the first, uncompressed part.
    if head[30:38] == b"mimetype":
        stated = re.match(rb"[\w.+/-]+", head[38:120])
        kind = stated[0].decode("ascii").removesuffix("PK") if stated else ""
        return kind if kind.startswith("application/") else named or "application/zip"
    for part, kind in _ZIP_PARTS:
        if part in head:
            return named if named.startswith(kind.rpartition(".")[0]) else kind
    if b"[Content_Types].xml" in head or b"META-INF" in head:
        return named or "application/zip"
    office = named.startswith((_OOXML, _ODF)) or named == "application/epub+zip"
    return named if office else "application/zip"


def _ole(head: bytes, named: str) -> str:
    if named in _OLE_TYPES or named.startswith(_OOXML):
        return named  # an encrypted docx is one of these containers
    for stream, kind in _OLE_STREAMS:
        if stream.encode("utf-16-le") in head:
            return kind
    return OLE_UNKNOWN
