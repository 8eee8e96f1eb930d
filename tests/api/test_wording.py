"""The interface in each of its languages: complete, well-formed, and chosen as the reader wants."""

import re
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import html5lib
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from fastapi.testclient import TestClient

from api.app import create_app
from api.catalogues import texts
from api.page_links import STATIC
from api.pages import Pages
from api.said import SAID
from api.wording import LANGUAGES, LOCALES, Wording, negotiate, wording
from tests.api.test_pages import rendered, tree
from tests.memories import service

ROOT = Path(__file__).parents[2]
OTHERS = list(LANGUAGES)[1:]
HEARD = ("aria-label", "alt", "placeholder", "title", "data-label", "data-announce")
FILLED = [
    "mneme",
    "jane",
    "jo",
    "xx",
    "plain",
    "prices",
    "before",
    "any",
    "heading",
    "body",
    "deep",
    "deeper",
]
EXAMPLES = ["termination", "for", "convenience", "kündigungsfrist", "lieferant", "who", "approved", "the"]
DATA = {
    *FILLED,
    *EXAMPLES,
    "travel",
    "policy",
    "cells",
    "other",
    "ms",
    "more",
    "mo",
    "mor",
    "csv",
    "be",
    "fore",
}
"""Words the pages are filled with, examples of searches, and the product's name."""


class Marked(NullTranslations):
    """Translates everything into itself, within brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def written(root: Any) -> str:
    """What a reader sees or hears of a page, without what is code, a date or an example to type."""
    for node in root.xpath("//script | //time | //code | //kbd | //*[@lang and @hreflang]"):
        if node.tail:
            node.getparent().text = (node.getparent().text or "") + node.tail
        node.getparent().remove(node)
    heard = [value for name in HEARD for value in root.xpath(f"//@{name}")]
    return " ".join([*root.itertext(), *heard])


def test_no_text_stands_outside_the_catalogues() -> None:
    pages = Pages(Wording("en", Marked()))  # type: ignore[arg-type]
    for name, html in rendered("xx", pages):
        left = written(tree(html))
        while "⟦" in left:
            left, before = re.sub(r"⟦[^⟦⟧]*⟧", " ", left), left
            assert left != before, (name, left)
        words = {word.lower() for word in re.findall(r"[^\W\d_]{2,}", left)}
        assert words <= DATA, (name, words - DATA)


def test_the_scripts_say_nothing_themselves() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in STATIC.glob("*.js"))
    said = re.findall(r"(?:textContent|innerText|title|placeholder|ariaLabel)\s*=\s*[\"'`]([^\"'`]+)", code)
    assert not said
    assert not re.search(r"\b(alert|confirm|prompt)\(", code)


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalogue_is_complete(code: str) -> None:
    with (LOCALES / f"{code}.po").open("rb") as file:
        known = read_po(file, locale=code, abort_invalid=True)
    wanted = {message.id for message in texts() if message.id}
    missing = [each for each in wanted if not _translated(known.get(each))]
    assert not missing, f"Run python -m api.catalogues and translate in api/locales/{code}.po: {missing}"
    assert {message.id for message in known if message.id} == wanted, "run python -m api.catalogues"
    for message in known:
        for one in _strings(message.string) if message.id else ():
            for original in _strings(message.id):
                assert _parts(one) == _parts(original), (code, original, one)


def _translated(message: Message | None) -> bool:
    return message is not None and not message.fuzzy and all(_strings(message.string))


def _strings(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _parts(text: str) -> list[str]:
    """What a translation must keep: placeholders and mark-up."""
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}|<[^>]+>", text))


@pytest.mark.parametrize("code", OTHERS)
def test_every_page_in_every_language_is_well_formed(code: str) -> None:
    for name, html in rendered("notice & <b>", Pages(wording(code))):
        if name == "fragment":
            continue
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(html)
        assert not parser.errors, (name, parser.errors[:3])
        assert f'<html lang="{code}">' in html


def test_what_the_service_says_is_still_said_so() -> None:
    """A sentence that was reworded where it is said would be shown in English again, unnoticed."""
    folders = ("api", "connectors", "ingest", "memory", "search")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py") if file.name != "said.py"]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    for sentence in SAID:
        longest = max(re.split(r"\{\w+\}", sentence), key=len)
        assert longest.strip() in code, sentence


def test_sentences_are_said_with_what_they_name() -> None:
    german = wording("de")
    assert german.said("There is no source named wiki.") == "Es gibt keine Quelle namens wiki."
    assert german.said("no parser for a/b") == "kein Parser für a/b"
    assert german.said("Something nobody has foreseen.") == "Something nobody has foreseen."
    assert german.said("") == ""
    assert german.term("author") == "Verfasser"


def test_dates_numbers_and_places_are_written_as_in_each_language() -> None:
    english = wording("en")
    assert english.date("2026-03-12T23:59:00-05:00") == english.date("2026-03-12") == "12 Mar 2026"
    assert english.time("2026-03-12T09:05:00+00:00") == "12 Mar 2026, 09:05"
    assert (english.date(None), english.date("soon"), english.time("soon")) == ("", "soon", "soon")
    assert [wording(code).date("2026-03-12") for code in OTHERS] == [
        "12.03.2026",
        "12 mars 2026",
        "12. mar. 2026",
    ]
    assert [wording(code).number(12345) for code in LANGUAGES] == [
        "12,345",
        "12.345",
        "12\u202f345",
        "12.345",
    ]
    assert [wording(code).language_name("de") for code in LANGUAGES] == [
        "German",
        "Deutsch",
        "Allemand",
        "Tysk",
    ]
    assert english.language_name("xx") == "xx"
    assert english.place({"page": 3, "heading": ["4", "4.2 Termination"]}) == "page 3 · 4.2 Termination"
    assert wording("de").place({"sheet": "Preise", "label": "sheet Preise"}) == "Blatt Preise"
    assert english.place({"label": "here"}) == "here"
    assert english.place({}) == "text"


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("sv,da;q=0.8,en;q=0.9", "en"),
        ("fr;q=0,da;q=0.1", "da"),
        ("ja, *;q=0.5", "en"),
        ("de;q=x;;,,=", "de"),
    ],
)
def test_the_browser_says_which_language(accepted: str, code: str) -> None:
    assert negotiate(accepted) == code


def test_a_chosen_language_is_remembered(tmp_path: Path) -> None:
    with (
        service(tmp_path) as asked,
        TestClient(
            create_app(lambda: asked), base_url="http://localhost", headers={"accept": "text/html"}
        ) as client,
    ):
        assert 'lang="fr"' in client.get("/", headers={"accept-language": "fr"}).text
        chosen = client.get("/?q=budget&ui=da", headers={"accept-language": "fr"})
        assert 'lang="da"' in chosen.text
        assert "httponly" in chosen.headers["set-cookie"].lower()
        others = tree(chosen.text).xpath("//footer//a/@href")
        assert "/?q=budget&ui=de" in others
        assert 'lang="da"' in client.get("/nothing", headers={"accept-language": "fr"}).text
        refused = client.get("/?ui=xx", headers={"accept-language": "fr"})
        assert "set-cookie" not in refused.headers
        assert 'lang="da"' in refused.text
