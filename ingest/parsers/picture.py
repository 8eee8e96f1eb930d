"""Image files: all that they say by themselves is their name; `ingest.parsers.scans` adds what is on them."""

from ingest.parsers import properties
from ingest.parsers.base import Parsed


class PictureParser:
    """Takes image files as documents of one page, or of several (TIFF)."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Name it."""
        del data
        return Parsed(media_type, title=properties.title({}, (), name))
