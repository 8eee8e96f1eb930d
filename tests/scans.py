"""Scans for tests: our own texts as pictures, in image files and in PDFs without a text layer."""

import io
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import reportlab
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

DPI = 150
SIZE = (900, 260)
"""Of a slip of paper, in pixels: a whole page takes Tesseract seconds."""

MARGIN, LINE = 60, 46

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None,
    reason="needs Tesseract: apt-get install tesseract-ocr tesseract-ocr-deu tesseract-ocr-fra tesseract-ocr-dan",
)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"), size)


def picture(*lines: str, size: tuple[int, int] = SIZE) -> Image.Image:
    """A page with these lines, the first one's top at `MARGIN`, each `LINE` below the other."""
    drawn = Image.new("L", size, 255)
    pen = ImageDraw.Draw(drawn)
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + number * LINE), line, font=_font(28), fill=0)
    return drawn


def saved(page: Image.Image, kind: str = "PNG", *more: Image.Image) -> bytes:
    """A picture as a file; with `more`, one of several pages."""
    target = io.BytesIO()
    options = {"save_all": True, "append_images": list(more)} if more else {}
    page.save(target, kind, dpi=(DPI, DPI), **options)
    return target.getvalue()


def pdf(*pages: str | Image.Image | Sequence[str]) -> bytes:
    """A PDF: a text is a page with a text layer, a picture a scan, and several texts are stamps on the last picture."""
    target = io.BytesIO()
    canvas = Canvas(target)
    for number, page in enumerate(pages):
        canvas.setPageSize(A4)
        if isinstance(page, Image.Image):
            size = (page.width * 72 / DPI, page.height * 72 / DPI)
            canvas.setPageSize(size)
            canvas.drawImage(ImageReader(page), 0, 0, *size)
            stamps = pages[number + 1] if number + 1 < len(pages) else ""
            for place, stamp in enumerate(stamps if isinstance(stamps, list) else ()):
                canvas.drawString(300, 8 + 12 * place, stamp)
        elif isinstance(page, str):
            for place, line in enumerate(page.splitlines()):
                canvas.drawString(72, 770 - 16 * place, line)
        else:
            continue
        canvas.showPage()
    canvas.save()
    return target.getvalue()
