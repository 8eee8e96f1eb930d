"""Media types and the short names people use for them (``type:pdf``)."""

THREAD = "application/vnd.mneme.thread+json"
"""The posts of one conversation in our own form, see `ingest/parsers/thread.py`."""

CONFLUENCE = "application/vnd.mneme.confluence+json"
"""A page of Confluence with its comments, see `ingest/parsers/confluence.py`."""

SHORT: dict[str, str] = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/rtf": "rtf",
    "application/xhtml+xml": "html",
    "application/epub+zip": "epub",
    "text/html": "html",
    "text/markdown": "md",
    "text/x-rst": "rst",
    "text/x-wiki": "wiki",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "message/rfc822": "eml",
    "application/vnd.ms-outlook": "msg",
    THREAD: "thread",
    CONFLUENCE: "page",
}
"""The short name of every media type that has a well-known one."""

MESSAGES = frozenset({"message/rfc822", "application/vnd.ms-outlook"})
"""Types of a file that is one message."""


def short_type(media_type: str) -> str:
    """The name people use for a media type; the last part of it where there is none."""
    plain = media_type.partition(";")[0].strip().lower()
    return SHORT.get(plain) or plain.rpartition("/")[2].removeprefix("x-").removeprefix("vnd.") or "file"
