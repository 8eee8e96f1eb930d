"""Posts of a conversation: each a passage with its own writer, its mark-up read, and nothing believed that is not there."""

import json
from typing import Any

import pytest

from ingest.parsers.base import Aside, ElementKind, Parsed
from ingest.parsers.post_text import post_elements
from ingest.parsers.registry import read
from ingest.parsers.wire import parsed_from_json, parsed_to_json
from ingest.split import asides, split
from memory.domain import Identity, Role
from memory.errors import ParseError
from memory.media_types import THREAD

JANE = {"name": "Jane Doe", "address": "Jane@x.example", "account": "slack:U1"}


def parsed(*posts: dict[str, Any], **more: Any) -> Parsed:
    told = {
        "place": "#legal",
        "format": "slack",
        "people": {"U1": JANE, "U2": {"name": "Bo"}},
        "posts": posts,
    }
    return read(json.dumps(told | more).encode(), name="thread", media_type=THREAD)


def post(identity: str, text: str, by: str = "U1", **more: Any) -> dict[str, Any]:
    return {"id": identity, "at": f"2024-03-01T09:0{identity}:00+00:00", "by": by, "text": text} | more


def test_each_post_is_a_passage_of_its_own_writer() -> None:
    found = parsed(
        post("1", "When does it end, <@U2>?", mentions=["U2"], reactions=[["+1", 3], ["acme", 1]]),
        post("2", "On 31 March", "U2", reply=True, edited="2024-03-02T10:00:00Z"),
        post("3", "Built", "", bot="CI", reply=True),
    )
    text, pieces = split(found)
    assert [(piece.text, piece.location.message) for piece in pieces] == [
        ("When does it end, @Bo?", "1"),
        ("On 31 March", "2"),
        ("Built", "3"),
    ]
    assert all(piece.location.heading == ("#legal",) for piece in pieces)
    assert [text[start:end] for start, end, kind in asides(found) if kind == Aside.BYLINE] == [
        "Jane Doe · 2024-03-01 09:01 UTC · 👍 3 · :acme: 1",
        "Bo · 2024-03-01 09:02 UTC · ✎ 2024-03-02 10:00 UTC",
        "CI · 2024-03-01 09:03 UTC",
    ]
    assert [(part.person, part.role, part.message) for part in found.contributions] == [
        (Identity("Jane Doe", "jane@x.example", "slack:U1"), Role.AUTHOR, "1"),
        (Identity("Bo"), Role.MENTIONED, "1"),
        (Identity("Bo"), Role.COMMENTER, "2"),
    ]
    assert found.title == "When does it end, @Bo?"
    assert str(found.modified) == "2024-03-02 10:00:00+00:00"
    assert parsed_from_json(parsed_to_json(found)) == found


def test_files_hang_on_their_post() -> None:
    files = [
        {"name": "../../a.txt", "data": "aGk="},
        {"name": "b.txt", "problem": "not in the export"},
        {"name": "c.txt"},
    ]
    found = parsed(post("1", "Here", files=files))
    assert [(each.name, each.data, each.problem, each.message) for each in found.attachments] == [
        ("a.txt", b"hi", "", "1"),
        ("b.txt", b"", "not in the export", "1"),
        ("c.txt", b"", "an empty attachment", "1"),
    ]


@pytest.mark.parametrize(
    ("form", "text", "shown"),
    [
        ("slack", "*Bold* and _it_ &lt;b&gt; snake_case_name 2*3*4", ["Bold and it <b> snake_case_name 2*3*4"]),
        ("slack", "<https://a.example/x|the page> <mailto:a@x.example|a@x.example>",
         ["the page (https://a.example/x) a@x.example"]),
        ("slack", "<!here> <!subteam^S1|@lawyers> <#C1|legal> <@U9>", ["@here @lawyers #legal @U9"]),
        ("slack", "See\n```if a &lt; b:\n    pass```\nthen", ["See", "if a < b:\n    pass", "then"]),
        ("slack", "> quoted\n:tada: :nonsense_code:", ["quoted\n🎉 :nonsense_code:"]),
        ("markdown", "# Big\n\n**Bold** `code` [link](https://a.example)\n\n- one\n- two",
         ["Big", "Bold code link", "one", "two"]),
        ("markdown", "<script>alert(1)</script>", ["<script>alert(1)</script>"]),
        ("html", 'Hi <at id="0">Jane</at> <emoji alt="👍"></emoji><script>x</script>', ["Hi Jane 👍"]),
        ("yammer", "Ask [[user:1]]", ["Ask @Jane"]),
        ("other", "a *b* <c>", ["a *b* <c>"]),
    ],
)  # fmt: skip
def test_mark_up_is_read_as_its_readers_see_it(form: str, text: str, shown: list[str]) -> None:
    found = post_elements(text, form, {"1": "Jane"})
    assert [each.text for each in found] == shown
    assert not {each.kind for each in found} & {ElementKind.HEADING, ElementKind.TITLE}


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"posts": 1}',
        b'{"posts": [{"at": "2024-03-01"}]}',
        b'{"posts": [{"id": 1, "at": "2024-03-01T09:00:00Z", "text": "x"}]}',
        b'{"posts": [{"id": "1", "at": "2024-03-01T09:00:00Z", "text": ["x"]}]}',
        b'{"posts": [{"id": "1", "at": "2024-03-01T09:00:00Z", "text": "x", "files": [{"data": "?"}]}]}',
        b'{"posts": [], "people": {"1": {}}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_thread_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        read(data, name="thread", media_type=THREAD)
