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
    said = repr((content.title, content.contributions)) if content.title or content.contributions else ""
    if isinstance(content.body, bytes):
        found = hashlib.sha256(content.body)
    else:
        with content.body.open("rb") as file:
            found = hashlib.file_digest(file, "sha256")
    found.update(said.encode("utf-8", "surrogatepass"))
    return found.hexdigest()
