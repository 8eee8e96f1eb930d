"""Pages as pictures: of a PDF by PDFium, of an image file by Pillow.

Both are native code on hostile bytes, so this runs in parser workers only.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from memory.errors import ParseError

if TYPE_CHECKING:
    from PIL.Image import Image

PDF = "application/pdf"
IMAGES = frozenset({"image/png", "image/jpeg", "image/tiff", "image/bmp", "image/gif", "image/webp"})
"""The image files that are read: what Pillow decodes by itself."""

DPI = 200
"""Pages of a PDF are recognised at this resolution: what a usual scan has, and twice as quick as 300."""

MAX_PIXELS = 100_000_000
"""A picture with more is not decoded: A0 at 200 dpi has 62 million."""

STAMP = 60
"""A page with fewer characters of text that a picture nearly covers is a scan with a stamp (a page number, a docket)."""

_LONGEST = 4200  # pixels of a side that Tesseract is given: A4 at 350 dpi
_SHOWN = 1600  # pixels of the longer side of a page that people are shown
_SMALLEST = 40  # pixels of a side: less is a line, a dot or a bullet
_COVERED = 0.5
_QUALITY = 82


def is_pictured(media_type: str) -> bool:
    """Whether files of this type have pages that are pictures."""
    return media_type == PDF or media_type in IMAGES


def frames(data: bytes) -> int:
    """How many pages an image file has.

    :raises ParseError: where it cannot be read, or is too large.
    """
    with _opened(data) as image:
        return int(getattr(image, "n_frames", 1))


def scanned(data: bytes, candidates: Sequence[int], texts: Sequence[int]) -> list[int]:
    """The pages of a PDF that are pictures, among those with little or no text.

    :param candidates: page numbers, from 1.
    :param texts: how many characters of text each of them has.
    :raises ParseError: where PDFium cannot read it.
    """
    with _pdf(data) as pdf:
        return [
            number
            for number, length in zip(candidates, texts, strict=True)
            if number <= len(pdf) and _is_scan(pdf, number, stamped=length > 0)
        ]


def for_reading(data: bytes, media_type: str, number: int) -> tuple[bytes, int, int, int]:
    """A page for Tesseract: a grey picture as PGM, its width and height in pixels, and its resolution (0: not known).

    :param number: from 1.
    :raises ParseError: where it cannot be drawn.
    """
    from PIL.ImageChops import lighter
    from PIL.ImageFilter import RankFilter

    image, dpi = _drawn(data, media_type, number, DPI, _LONGEST)
    grey = image.convert("L")
    # Single dark pixels go, dust that would become accents and full stops; a median would take the dots of ä with it.
    grey = lighter(grey, grey.filter(RankFilter(3, 1)))
    target = io.BytesIO()
    grey.save(target, "PPM")
    return target.getvalue(), grey.width, grey.height, dpi


def for_people(data: bytes, media_type: str, number: int) -> bytes:
    """A page as people are shown it: a JPEG.

    :raises ParseError: where it cannot be drawn.
    """
    image, _ = _drawn(data, media_type, number, DPI, _SHOWN)
    target = io.BytesIO()
    image.convert("RGB").save(target, "JPEG", quality=_QUALITY)
    return target.getvalue()


def too_small(width: int, height: int) -> bool:
    """Whether a picture is too small for a word to stand on it."""
    return min(width, height) < _SMALLEST


def _drawn(data: bytes, media_type: str, number: int, dpi: int, longest: int) -> tuple["Image", int]:
    if media_type == PDF:
        return _page(data, number, dpi, longest)
    return _frame(data, number, longest)


def _page(data: bytes, number: int, dpi: int, longest: int) -> tuple["Image", int]:
    with _pdf(data) as pdf:
        if not 1 <= number <= len(pdf):
            raise ParseError(f"it has no page {number}")
        page = pdf[number - 1]
        width, height = page.get_size()  # in points, 72 to the inch
        scale = min(dpi / 72, longest / max(width, height, 1))
        return page.render(scale=scale).to_pil(), round(72 * scale)


def _frame(data: bytes, number: int, longest: int) -> tuple["Image", int]:
    from PIL import ImageOps

    with _opened(data) as image:
        try:
            image.seek(number - 1)
        except EOFError as error:
            raise ParseError(f"it has no page {number}") from error
        if number > 1:
            _check_size(image)
        stated = image.info.get("dpi") or (0, 0)
        turned = _on_white(ImageOps.exif_transpose(image))
        shrunk = min(1.0, longest / max(turned.size))
        if shrunk < 1:
            wide, high = (max(1, round(side * shrunk)) for side in turned.size)
            turned = turned.resize((wide, high))
        dpi = round(float(stated[0]) * shrunk)
        return turned, dpi if 70 <= dpi <= 1200 else 0  # less is what programs write who know nothing


def _on_white(image: "Image") -> "Image":
    """Without transparency: dark letters on nothing would be black on black."""
    from PIL import Image

    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = Image.new("RGBA", seen.size, "white")
        return Image.alpha_composite(white, seen).convert("RGB")
    if image.mode.startswith("I"):
        # 16 bits a pixel: Pillow cuts off what is brighter than 255 rather than scaling it.
        return image.point(lambda value: value / 256).convert("L")
    return image.convert("RGB") if image.mode not in ("1", "L") else image.convert("L")


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    import warnings

    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is broken is said by an error or seen in the text
            with Image.open(io.BytesIO(data)) as image:
                _check_size(image)
                yield image
    except UnidentifiedImageError as error:
        raise ParseError("broken picture") from error
    except (OSError, ValueError, SyntaxError, IndexError, TypeError, EOFError) as error:
        raise ParseError(f"broken picture: {str(error)[:200]}") from error
    except Image.DecompressionBombError as error:
        raise ParseError(_too_large()) from error


def _check_size(image: Any) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ParseError(_too_large())


def _too_large() -> str:
    return f"a picture of more than {MAX_PIXELS // 1_000_000} million pixels"


@contextmanager
def _pdf(data: bytes) -> Iterator[Any]:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise ParseError(f"its pages cannot be drawn: {error}") from error
    try:
        yield pdf
    except pypdfium2.PdfiumError as error:
        raise ParseError(f"its pages cannot be drawn: {error}") from error
    finally:
        pdf.close()


def _is_scan(pdf: Any, number: int, *, stamped: bool) -> bool:
    """Whether a page shows something and has no text of its own, or only a stamp on a picture."""
    from pypdfium2 import raw

    page = pdf[number - 1]
    if not stamped and not page.get_textpage().get_text_bounded().strip():
        return next(iter(page.get_objects(max_depth=1)), None) is not None
    width, height = page.get_size()
    covered = 0.0
    for each in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = each.get_bounds()
        covered = max(covered, (right - left) * (top - bottom))
    return bool(covered >= _COVERED * width * height)
