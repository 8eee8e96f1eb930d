"""Whether a file is all there.

Tika repairs what it can, so that a download that broke off would be indexed as if nothing were missing.
"""

import io
import re
import zipfile

CUT_OFF = "broken file: it ends too early"

_LINEARIZED = re.compile(rb"/Linearized\s.{0,200}?/L\s+(\d{1,12})", re.DOTALL)


def cut_off(data: bytes) -> bool:
    """Whether the end of a zip container (Office, OpenDocument, EPUB) or of a PDF is missing."""
    if data.startswith(b"PK\x03\x04"):
        return not zipfile.is_zipfile(io.BytesIO(data))
    if b"%PDF-" in data[:1024]:
        stated = _LINEARIZED.search(data, 0, 2048)
        return b"%%EOF" not in data or (stated is not None and int(stated[1]) > len(data))
    return False
