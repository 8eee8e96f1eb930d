"""Pages of Confluence: what their own mark-up says, and what the wiki would only draw in when it shows them."""

import json
from typing import Any

import pytest

from ingest.parsers.base import Aside, ElementKind, Parsed
from ingest.parsers.registry import read
from memory.errors import ParseError
from memory.media_types import CONFLUENCE

MACRO = '<ac:structured-macro ac:name="{}">{}</ac:structured-macro>'
RICH = "<ac:rich-text-body>{}</ac:rich-text-body>"
RAW = "<ac:plain-text-body><![CDATA[{}]]></ac:plain-text-body>"


def parsed(storage: str, **more: Any) -> Parsed:
    return read(json.dumps({"storage": storage} | more).encode(), name="page", media_type=CONFLUENCE)


def lines(storage: str, **more: Any) -> list[str]:
    return [each.text for each in parsed(storage, **more).elements]


def test_headings_lists_tables_and_characters() -> None:
    found = parsed(
        "<h2>L&ouml;hne &amp; mehr</h2><p>One&nbsp;two &lt;three&gt;</p><ul><li>first</li></ul>"
        "<ac:layout><ac:layout-section><ac:layout-cell><table><tbody><tr><th>Party</th><th>Notice</th></tr>"
        "<tr><td>Acme</td><td>30 days</td></tr></tbody></table></ac:layout-cell></ac:layout-section></ac:layout>"
    )
    assert [(each.kind, each.text) for each in found.elements] == [
        (ElementKind.HEADING, "Löhne & mehr"),
        (ElementKind.TEXT, "One two <three>"),
        (ElementKind.LIST, "first"),
        (ElementKind.TABLE, "Party | Notice\nAcme | 30 days"),
    ]
    assert found.elements[0].level == 2


def test_links_show_their_words_or_what_they_lead_to() -> None:
    user = '<ac:link><ri:user ri:account-id="5b:1"/></ac:link>'
    page = '<ac:link><ri:page ri:space-key="X" ri:content-title="Terms &amp; more"/></ac:link>'
    named = (
        '<ac:link><ri:page ri:content-title="Other"/>'
        "<ac:plain-text-link-body><![CDATA[these <words>]]></ac:plain-text-link-body></ac:link>"
    )
    picture = '<ac:image ac:alt="the plan"><ri:attachment ri:filename="plan.png"/></ac:image>'
    text = f'<p>{user}, {page}, {named}, {picture} until <time datetime="2024-03-01"/>.</p>'
    assert lines(text, names={"5b:1": "Jane Doe"}) == [
        "Jane Doe, Terms & more, these <words>, the plan until 2024-03-01."
    ]


def test_macros_are_their_text_or_nothing() -> None:
    title = '<ac:parameter ac:name="title">{}</ac:parameter>'
    panel = MACRO.format(
        "info", title.format("Mind") + RICH.format("<p>Sign <b>twice</b></p>" + MACRO.format("toc", ""))
    )
    expand = MACRO.format("expand", RICH.format(MACRO.format("panel", RICH.format("<p>deep</p>"))))
    code = MACRO.format(
        "code", '<ac:parameter ac:name="language">py</ac:parameter>' + RAW.format("if a < b:\n    pass")
    )
    status = f"<p>It is {MACRO.format('status', title.format('DONE'))} now</p>"
    drawn = MACRO.format(
        "include",
        '<ac:parameter ac:name=""><ac:link><ri:page ri:content-title="Secret"/></ac:link></ac:parameter>',
    )
    script = MACRO.format("html", RAW.format("<script>alert(1)</script>"))
    tasks = "<ac:task-list><ac:task><ac:task-id>9</ac:task-id><ac:task-status>complete</ac:task-status><ac:task-body>Call Bo</ac:task-body></ac:task></ac:task-list>"
    note = (
        '<ac:adf-extension><ac:adf-node type="panel"><ac:adf-attribute key="panel-type">note</ac:adf-attribute>'
        "<ac:adf-content><p>once</p></ac:adf-content></ac:adf-node>"
        "<ac:adf-fallback><p>fallback</p></ac:adf-fallback></ac:adf-extension>"
    )
    found = lines(panel + expand + code + status + drawn + script + "after" + tasks + note)
    assert found == [
        "Mind",
        "Sign twice",
        "deep",
        "if a < b:\n    pass",
        "It is DONE now",
        "after",
        "Call Bo",
        "fallback",
    ]


def test_comments_are_passages_of_their_writers() -> None:
    said = {
        "id": "7",
        "by": "Bo Røe",
        "at": "2024-03-01T09:00:00+00:00",
        "about": "30 days",
        "storage": "<p>Still?</p>",
    }
    silent = {"id": "8", "by": "Eve", "at": "", "storage": " "}
    elements = parsed("<p>In 30 days.</p>", comments=[said, silent]).elements
    assert [(each.text, each.message, each.aside) for each in elements] == [
        ("In 30 days.", None, None),
        ("Bo Røe · 2024-03-01 09:00 UTC", "7", Aside.BYLINE),
        ("30 days", "7", Aside.QUOTED),
        ("Still?", "7", None),
    ]


def test_broken_and_hostile_pages_are_read_as_far_as_they_go() -> None:
    assert lines("<p>one <b>two</p><p>three") == ["one two", "three"]
    assert lines("<p>R&D, AT&T; &nosuch; &lt;kept&gt; &#228;&#xe4;</p>") == ["R&D, AT&T; &nosuch; <kept> ää"]
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p>&b; &a; here</p>'
    assert "aaaa" not in " ".join(lines(bomb))
    assert "root:" not in " ".join(
        lines('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><p>&f;here</p>')
    )
    assert parsed("").empty_reason
    assert lines("<p>" + "<div>" * 5_000 + "deep" + "</div>" * 5_000 + "</p>") is not None
    for wrong in (b"[]", b"{}x", b'{"storage": 1}', b'{"storage": "", "comments": [1]}', b"\xff"):
        with pytest.raises(ParseError):
            read(wrong, name="page", media_type=CONFLUENCE)
