"""Pages with our own text in four languages, drawn and spoilt as a scanner would, through the workers: speed and words.

python -m bench.ocr [pages of each language]

A page is A4 at 200 dpi in one of two typefaces at 9 or 11 points, turned by up to one degree, greyed, with Gaussian noise
and one pixel of 500 black. A word counts as right where it is exactly what was drawn; the share is 1 minus the edit
distance in words, so that words too many count as well. Typefaces: those of reportlab, or ``fonts-dejavu-core``.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import reportlab
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from ingest.parsers.tesseract import Tesseract, find
from ingest.parsers.workers import ParserPool
from memory.scanned import UNSURE, ScannedPage

DPI = 200
SIZE = (1654, 2339)
MARGIN = 160
WORKERS = 2

TEXTS = {
    "eng": """The supplier shall deliver the machines listed in Annex A within thirty days after the order was
    confirmed in writing. Delay entitles the buyer to a reduction of two percent of the price for each week that has
    begun. Both parties keep confidential what they learn about each other's business, and this duty survives the
    end of the contract by five years. Neither is liable for flood, strike or war.""",
    "deu": """Der Lieferant übergibt die in Anlage A genannten Maschinen binnen dreißig Tagen, nachdem die
    Bestellung schriftlich bestätigt wurde. Für jede angefangene Woche des Verzugs ermäßigt sich der Kaufpreis um zwei
    Prozent. Beide Parteien behandeln vertraulich, was sie über das Geschäft der anderen erfahren; diese Pflicht
    überdauert das Ende des Vertrags um fünf Jahre. Für Überschwemmung, Streik oder Krieg haftet keine.""",
    "fra": """Le fournisseur livre les machines énumérées à l'annexe A dans les trente jours suivant la
    confirmation écrite de la commande. Chaque semaine de retard entamée donne droit à une réduction de deux pour cent
    du prix. Les deux parties gardent confidentiel ce qu'elles apprennent sur les affaires de l'autre, et cette
    obligation survit cinq ans à la fin du contrat. Aucune ne répond d'une inondation, d'une grève ou d'une guerre.""",
    "dan": """Leverandøren leverer de maskiner, der er nævnt i bilag A, inden tredive dage efter at ordren er
    bekræftet skriftligt. For hver påbegyndt uges forsinkelse nedsættes prisen med to procent. Begge parter behandler
    det, de får at vide om hinandens forretning, fortroligt, og denne pligt består i fem år efter kontraktens ophør.
    Ingen af dem hæfter for oversvømmelse, strejke eller krig.""",
}


@dataclass(frozen=True)
class Drawn:
    """A page as a file, and the words that stand on it."""

    data: bytes
    words: list[str]


def typefaces() -> list[Path]:
    vera = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
    serif = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")
    return [vera, serif if serif.exists() else vera]


def drawn(text: str, typeface: Path, points: int, chance: np.random.Generator) -> Drawn:
    font = ImageFont.truetype(str(typeface), round(points * DPI / 72))
    page = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(page)
    height = round(points * DPI / 72 * 1.4)
    words, top = [], MARGIN
    sentences = text.split()
    while top < SIZE[1] - MARGIN - 8 * height:
        start = int(chance.integers(len(sentences)))  # no two paragraphs begin alike
        for line in lines([*sentences[start:], *sentences[:start]], pen, font):
            pen.text((MARGIN, top), line, font=font, fill=0)
            words += line.split()
            top += height
        top += height
    return Drawn(spoilt(page, chance), words)


def lines(words: Sequence[str], pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont) -> Iterator[str]:
    line = ""
    for word in words:
        if line and pen.textlength(f"{line} {word}", font=font) > SIZE[0] - 2 * MARGIN:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def spoilt(page: Image.Image, chance: np.random.Generator) -> bytes:
    turned = page.rotate(float(chance.uniform(-1, 1)), Image.Resampling.BICUBIC, fillcolor=255)
    grey = np.asarray(turned) * 0.85 + 20 + chance.normal(0, 18, (SIZE[1], SIZE[0]))
    grey[chance.random(grey.shape) < 0.002] = 0
    target = BytesIO()
    Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(target, "JPEG", quality=85, dpi=(DPI, DPI))
    return target.getvalue()


def right(page: ScannedPage, words: Sequence[str]) -> float:
    return 1 - Levenshtein.distance([word.text for word in page.words], words) / len(words)


def read(pool: ParserPool, page: Drawn) -> ScannedPage:
    return pool.recognise(page.data, name="page.jpg", pages=(1,))[1]


def measure(engine: Tesseract, language: str, pages: Sequence[Drawn]) -> None:
    with ParserPool(WORKERS, ocr=engine, warm_up=False) as pool, ThreadPoolExecutor(WORKERS) as threads:
        pool.warm_up()
        began = time.perf_counter()
        found = list(threads.map(lambda page: read(pool, page), pages))
        took = time.perf_counter() - began
    share = sum(right(page, each.words) for page, each in zip(found, pages, strict=True)) / len(pages)
    unsure = [word for page in found for word in page.words if word.confidence < UNSURE]
    wrong = [
        word
        for page, each in zip(found, pages, strict=True)
        for word in page.words
        if word.text not in each.words
    ]
    caught = sum(word.confidence < UNSURE for word in wrong)
    print(
        f"{language} by {'+'.join(engine.languages)}: {share:.4f} of words right, {len(pages) / took:.2f} pages/s; "
        f"{len(unsure)} words uncertain; of {len(wrong)} that were not drawn {caught} are"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    engine = find("tesseract", ())
    assert engine, (
        "needs Tesseract: apt-get install tesseract-ocr tesseract-ocr-deu tesseract-ocr-fra tesseract-ocr-dan"
    )
    for language, text in TEXTS.items():
        chance = np.random.default_rng(6)
        faces = typefaces()
        pages = [drawn(text, faces[at % 2], (9, 11)[at // 2 % 2], chance) for at in range(count)]
        measure(engine, language, pages)
        measure(Tesseract(engine.path, (language,)), language, pages)


if __name__ == "__main__":
    main()
