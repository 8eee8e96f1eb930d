"""Workbooks: every ``## heading`` of a source is a sheet, its tables are its cells."""

import io
import re
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from api.demo.archive import naive, pinned
from api.demo.source import Heading, Listing, Paragraph, Source, Table, plain
from api.demo.words import labelled

_NUMBER = {"en": re.compile(r"-?\d{1,3}(,\d{3})*(\.\d+)?"), "de": re.compile(r"-?\d{1,3}(\.\d{3})*(,\d+)?")}
_PERCENT = re.compile(r"(-?\d+)\s%")
_LINE = Side(style="thin", color="D5DDE5")


def _cell(text: str, language: str) -> tuple[str | int | float, str]:
    """What a cell holds and how it is shown: a number where the text is one."""
    text = plain(text)
    if match := _PERCENT.fullmatch(text):
        return int(match[1]) / 100, "0%"
    pattern = _NUMBER.get(language)
    if pattern is None or not pattern.fullmatch(text):
        return text, "General"
    digits = text.replace(".", "").replace(",", ".") if language == "de" else text.replace(",", "")
    if "." in digits:
        return float(digits), "#,##0.00"
    return int(digits), "#,##0"


def _fill(sheet: Worksheet, table: Table, first: int, language: str) -> None:
    for offset, row in enumerate(table.rows):
        for column, text in enumerate(row, start=1):
            cell = sheet.cell(first + offset, column)
            cell.value, cell.number_format = _cell(text, language)
            number = isinstance(cell.value, (int, float))
            cell.alignment = Alignment(
                wrap_text=True, vertical="top", horizontal="right" if number else "left"
            )
            cell.border = Border(bottom=_LINE)
            if offset == 0:
                cell.font = Font(bold=True, color="FFFFFF")
                cell.fill = PatternFill("solid", start_color="12355B")
            elif text.startswith("**"):
                cell.font = Font(bold=True)
    for column in range(1, len(table.rows[0]) + 1):
        longest = max(len(plain(row[column - 1])) for row in table.rows)
        sheet.column_dimensions[get_column_letter(column)].width = min(max(longest + 3, 11), 46)


def _write(
    sheet: Worksheet, blocks: list[Paragraph | Listing | Table], source: Source, about: tuple[str, ...]
) -> None:
    sheet.append([f"{source.title} – {sheet.title}"])
    sheet["A1"].font = Font(bold=True, size=14, color="12355B")
    for line in about:
        sheet.append([line])
        sheet.cell(sheet.max_row, 1).font = Font(italic=True, color="5A6B7B")
    for block in blocks:
        if isinstance(block, Table):
            first = sheet.max_row + 2
            _fill(sheet, block, first, source.language)
        else:
            for text in block.items if isinstance(block, Listing) else (block.text,):
                sheet.append([plain(text)])
    sheet.page_setup.orientation = "landscape"
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToHeight = 0
    sheet.oddFooter.center.text = source.reference


def xlsx(source: Source) -> bytes:
    """The source as an Excel workbook with its document properties."""
    book = Workbook()
    book.remove(book.worksheets[0])
    sheets: list[tuple[str, list[Paragraph | Listing | Table]]] = []
    for block in source.blocks():
        if isinstance(block, Heading):
            sheets.append((block.text, []))
        elif isinstance(block, (Paragraph, Listing, Table)):
            sheets[-1][1].append(block)
    for number, (title, blocks) in enumerate(sheets):
        _write(book.create_sheet(title), blocks, source, labelled(source) if number == 0 else ())
    properties = book.properties
    properties.creator = "; ".join(writer.name for writer in source.authors)
    properties.lastModifiedBy = source.last_editor.name
    properties.title, properties.subject = source.title, source.subject
    properties.keywords = ", ".join(source.keywords)
    properties.language, properties.identifier = source.language, source.reference
    properties.created, properties.modified = naive(source.created), naive(source.modified)
    target = io.BytesIO()
    # Workbook.save() would set the time of change to now.
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        ExcelWriter(book, archive).save()
    return pinned(target.getvalue(), source.modified)
