"""Wikitext comes out as what a reader of the page sees, as far as its own text says."""

from ingest.parsers.base import ElementKind
from ingest.parsers.registry import media_type_of, read

PAGE = """{{Supplier
| name = Beech & Sons
| city = [[Ålborg|Aalborg]]
| logo = beech.png
}}
'''Beech''' delivers [[oak board|oak]] and<!-- not any more --> pine.
It is {{lang|da|pålidelig}}.

A second paragraph<ref name="x">Contract of 2021</ref> &lt;b&gt; <nowiki>''as is''</nowiki>.
* first [https://x.example offer]
** within it
# numbered
; term : meaning
[[File:Hall.jpg|thumb|right|The ''hall'']]
{| class="wikitable"
|+ Prices
! Wood !! Price
|-
| Oak || 12
|-
| Pine
| {{price|7}}
|}
== Notice [[period]] ==
Three months.<script>alert(1)</script><br/>In writing.
<pre>
a < b
  c
</pre>
[[Category:Suppliers]] [[de:Buche]] [[:Category:Seen]] __NOTOC__
"""


def test_a_page_is_read_with_its_headings_lists_and_tables() -> None:
    read_page = read(PAGE.encode(), name="Beech.wiki")
    assert read_page.media_type == "text/x-wiki"
    assert [(each.kind, each.text) for each in read_page.elements] == [
        (ElementKind.LIST, "name: Beech & Sons"),
        (ElementKind.LIST, "city: Aalborg"),
        (ElementKind.TEXT, "Beech delivers oak and pine. It is da pålidelig."),
        (ElementKind.TEXT, "A second paragraph (Contract of 2021) <b> ''as is''."),
        (ElementKind.LIST, "first offer"),
        (ElementKind.LIST, "within it"),
        (ElementKind.LIST, "numbered"),
        (ElementKind.LIST, "term meaning"),
        (ElementKind.TEXT, "The hall"),
        (ElementKind.TABLE, "Prices | Wood | Price\nOak | 12\nPine | 7"),
        (ElementKind.HEADING, "Notice period"),
        (ElementKind.TEXT, "Three months. In writing."),
        (ElementKind.CODE, "a < b\n  c"),
        (ElementKind.TEXT, "Category:Seen"),
    ]


def test_what_a_text_begins_with_makes_it_nothing_else() -> None:
    for text in (b"BMW is a firm.", b"%PDF is a format.", b"From Jane", b'{"a": 1}', b"<div>text</div>"):
        assert media_type_of("Page.wiki", text, "text/x-wiki") == "text/x-wiki"


def test_marks_that_are_never_closed_are_text() -> None:
    for text in (
        "{{{{a|[[b|''c",
        "{| a\n| b\n",
        "== half",
        "[[File:x.png|thumb",
        "<div><span>text",
        "{{" * 50 + "x",
    ):
        assert read(text.encode(), name="Page.wiki").elements or "thumb" in text
