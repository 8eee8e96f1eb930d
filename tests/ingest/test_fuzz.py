"""Files as nobody writes them: each parser of ours reads what is left of a damaged file, or says why it cannot, in bounded time.

What is damaged is a valid file: pieces are cut out, doubled, swapped, or replaced by what its format uses for itself.
"""

import json
import random
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.parsers.base import Parsed
from ingest.parsers.registry import read
from ingest.parsers.wire import pack, parsed_from_json, parsed_to_json
from ingest.split import split
from memory.errors import ParseError
from memory.media_types import CONFLUENCE, THREAD
from tests.ingest import samples
from tests.mailboxes import BO, JANE, message

EXAMPLES = 40
"""For each format; `bench/fuzz.py` tries thousands."""
LONGEST_S = 20.0
"""Of the processor, while a worker is given 60: the parser of wikitext takes seconds for some 32 kB."""

WIKITEXT = b"""== Notice ==
'''Three''' months, see [[Lease|the lease]] and {{Box|a=1|b={{Sub|x}}}}.
* One
** [[File:a.png|thumb|A picture]]
{| class="x"
! Head !! More
|-
| Cell || <ref name="a">Note</ref>
|}
<nowiki>[[not]]</nowiki> <!-- gone --> [https://x.example Site]
"""
DOKUWIKI = b"""====== Notice ======
**Three** months, see [[lease|the lease]] and {{picture.png?200|A picture}}.
  * One
    * Two
^ Head ^ More ^
| Cell | ((Note)) |
<code python>print(1)</code> %%[[not]]%% [[https://x.example|Site]] ~~NOTOC~~
"""


def mail() -> bytes:
    made = message(
        "1@x.example", JANE, BO, "Notice", "Three months.\n> Two?\n-- \nJane", answers=["0@x.example"]
    )
    made.add_alternative("<p>Three <b>months</b></p>", subtype="html")
    made.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="a.zip")
    return made.as_bytes()


def thread() -> bytes:
    posts = [
        {"id": str(n), "at": f"2024-03-01T09:0{n}:00+00:00", "by": "U1", "text": "*Three* months, <@U2> :+1:"}
        for n in range(3)
    ]
    posts[1] |= {"reply": True, "reactions": [["+1", 2]], "files": [{"name": "a.txt", "data": "aGk="}]}  # type: ignore[dict-item]
    people = {"U1": {"name": "Jane Doe", "address": "jane@x.example"}, "U2": {"name": "Bo"}}
    return json.dumps({"place": "#legal", "format": "slack", "people": people, "posts": posts}).encode()


def confluence() -> bytes:
    storage = (
        "<h1>Notice</h1><p>Ask <ac:link><ri:user ri:userkey='8a'/></ac:link> &ouml;</p><ac:structured-macro ac:name='info'>"
        "<ac:parameter ac:name='title'>Mind</ac:parameter><ac:rich-text-body><p>Sign twice</p></ac:rich-text-body></ac:structured-macro>"
        "<ac:structured-macro ac:name='code'><ac:plain-text-body><![CDATA[a < b]]></ac:plain-text-body></ac:structured-macro>"
    )
    said = {"id": "7", "by": "Bo", "at": "2024-03-01T09:00:00+00:00", "about": "30", "storage": storage}
    return json.dumps({"storage": storage * 3, "names": {"8a": "Jane"}, "comments": [said]}).encode()


FORMATS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "mail.eml": ("message/rfc822", mail),
    "all.mbox": ("application/mbox", lambda: b"From jane Mon Mar  3 09:30:00 2025\n" + mail()),
    "thread": (THREAD, thread),
    "page": (CONFLUENCE, confluence),
    "page.wiki": ("text/x-wiki", lambda: WIKITEXT),
    "page.dokuwiki": ("text/x-dokuwiki", lambda: DOKUWIKI),
    "page.rst": ("text/x-rst", lambda: samples.rst().data),
    "page.md": ("text/markdown", lambda: samples.markdown().data),
    "page.html": ("text/html", lambda: samples.html().data),
    "table.csv": ("text/csv", lambda: samples.csv().data),
    "note.txt": ("text/plain", lambda: samples.txt().data),
}

_TOKENS = [
    b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\r\n\r\n", b"{{" * 40, b"[[" * 40, b"<table>" * 40, b"<!--", b"-->", b"{|", b"|}", b"|-", b"'" * 9,
    b'"', b",", b";" * 40, b"=" * 40, b"> " * 40, b"\n.. include:: /etc/passwd\n", b"Content-Type: multipart/mixed; boundary=a\n",
    b"Content-Transfer-Encoding: base64\n", b"=?utf-8?B?w?=", b"--a\n", b"\nFrom ", b"&#0;", b"&#x110000;", b"<svg onload=1>", b"\\u0000", b"[" * 60,
    b"1e999", b"\xe2\x80\xae", b"Date: 99 Foo 9999\n", b"null", b"-1", b"```", b"<ref>", b"</code>",
]  # fmt: skip


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The file after one to six accidents."""
    for _ in range(dice.randint(1, 6)):
        one, two = sorted(dice.randint(0, len(data)) for _ in range(2))
        two = min(two, one + dice.choice([1, 8, 64, 1000]))
        match dice.randrange(5):
            case 0:
                data = data[:one] + data[two:]
            case 1:
                data = data[:two] + data[one:two] * dice.choice([1, 3, 30]) + data[two:]
            case 2:
                data = data[:one] + dice.randbytes(two - one) + data[two:]
            case 3:
                data = data[two:] + data[:one]
            case _:
                data = data[:one] + dice.choice(_TOKENS) * dice.choice([1, 1, 20]) + data[one:]
        data = data[:100_000]
    return data


def attempt(name: str, data: bytes) -> None:
    """Read it as a worker does, and all that follows from it."""
    media_type, _ = FORMATS[name]
    began = time.process_time()
    try:
        found: Parsed = read(data, name=name, media_type=media_type)
    except ParseError:
        return
    sent = json.loads(pack(parsed_to_json(found)))
    arrived = parsed_from_json(sent)
    text, passages = split(arrived)
    for each in passages:
        assert text[each.location.start : each.location.end].strip()
    text.encode()  # what has half a character in it cannot be kept
    assert time.process_time() - began < LONGEST_S


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_what_is_left_is_read_or_refused(name: str, seed: int) -> None:
    _, valid = FORMATS[name]
    attempt(name, damaged(valid(), random.Random(seed)))


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_damaged_was_valid(name: str) -> None:
    media_type, valid = FORMATS[name]
    found = read(valid(), name=name, media_type=media_type)
    assert found.elements or found.attachments
