"""How large a document is that a connector gave, and by what it is known again."""

import hashlib

from connectors.base import Content


def size_of(content: Content) -> int:
    """In bytes.

    :raises OSError: where its file is not there any more.
    """
    return len(content.body) if isinstance(content.body, bytes) else content.body.stat().st_size


def digest_of(content: Content) -> str:
    """Of the bytes, and of what the source itself says beside them: both are read again where either changes.

    :raises OSError: where its file cannot be read.
    """
    if isinstance(content.body, bytes):
        said = repr((content.title, content.contributions)) if content.title or content.contributions else ""
        return hashlib.sha256(content.body + said.encode("utf-8", "surrogatepass")).hexdigest()
    with content.body.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
