"""Files with files inside them, of our own making."""

import io

import pypdf
from docx import Document as Word
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from openpyxl import Workbook
from reportlab.pdfgen.canvas import Canvas


def pdf(text: str, **attached: bytes) -> bytes:
    """A PDF of one page, with files attached; ``__`` in a name stands for its dot."""
    made = io.BytesIO()
    canvas = Canvas(made, invariant=True)
    canvas.drawString(72, 720, text)
    canvas.save()
    if not attached:
        return made.getvalue()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(made.getvalue()))
    for name, data in attached.items():
        writer.add_attachment(name.replace("__", "."), data)
    with_files = io.BytesIO()
    writer.write(with_files)
    return with_files.getvalue()


def workbook(text: str) -> bytes:
    """A workbook with one cell."""
    book, made = Workbook(), io.BytesIO()
    assert book.active is not None
    book.active["A1"] = text
    book.save(made)
    return made.getvalue()


def word(text: str, *embedded: bytes) -> bytes:
    """A Word file with workbooks embedded in it, in this order."""
    document, made = Word(), io.BytesIO()
    document.add_paragraph(text)
    for number, data in enumerate(embedded, start=1):
        name = PackURI(f"/word/embeddings/Microsoft_Excel_Worksheet{number}.xlsx")
        part = Part(name, CONTENT_TYPE.SML_SHEET, data, document.part.package)
        document.part.relate_to(part, RELATIONSHIP_TYPE.PACKAGE)
    document.save(made)
    return made.getvalue()
