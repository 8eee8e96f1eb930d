"""The sources of the demo documents: Markdown with front matter, read into blocks.

Only what the sources use is understood: headings, paragraphs, lists, tables, quotes, fenced
code and ``---`` between slides; bold, italic, code and links inside a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

SOURCES = Path(__file__).parent / "sources"

_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_WRITER = re.compile(r"(?P<name>[^<]+?)\s*<(?P<address>[^>]+)>")
_ITEM = re.compile(r"(?P<mark>-|\d+\.) +(?P<text>.*)")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
_RUN = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|\*(?P<italic>[^*]+)\*|`(?P<code>[^`]+)`|\[(?P<link>[^\]]+)\]\((?P<href>[^)]+)\)"
)


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody named in the front matter: the name as written and the address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a line in one style: ``""``, ``bold``, ``italic``, ``code`` or ``link``."""

    text: str
    style: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; the title of the document is level 1."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; a line feed in it is a hard line break."""

    text: str
    quote: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A bulleted or numbered list."""

    items: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its header row first."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced block of code."""

    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a slide."""


Block = Heading | Paragraph | Listing | Table | Code | Break


@dataclass(frozen=True, slots=True)
class Source:
    """One demo document before it is written in its format.

    :param name: the path below ``sources`` without suffix, for instance ``legal/nda``.
    :param roles: the people other than the authors, by role.
    :param reference: the document's number, printed in its footer.
    :param byline: whether authors and approvers are printed below the title; contracts have
        their signature blocks instead.
    :param quotes: names of the sources this one quotes word for word.
    :param version_of: the name of the source this one is another version of.
    """

    name: str
    title: str
    language: str
    format: str
    created: datetime
    modified: datetime
    authors: tuple[Writer, ...]
    roles: dict[str, tuple[Writer, ...]] = field(default_factory=dict)
    reference: str = ""
    subject: str = ""
    keywords: tuple[str, ...] = ()
    byline: bool = True
    quotes: tuple[str, ...] = ()
    version_of: str = ""
    body: str = ""

    @property
    def file(self) -> str:
        """The path of the built document below the target folder."""
        return f"{self.name}.{self.format}"

    @property
    def last_editor(self) -> Writer:
        """Who changed the document last: the last editor named, else the first author."""
        return (*self.authors[:1], *self.roles.get("editor", ()))[-1]

    def blocks(self) -> tuple[Block, ...]:
        """The body as blocks."""
        return tuple(_blocks(self.body))


def typography(text: str, language: str) -> str:
    """Set the apostrophes and no-break spaces a typesetter would, and leave code alone."""
    parts = _CODE.split(text)
    parts[::2] = [_no_break(part, language) for part in parts[::2]]
    return "".join(parts)


def _no_break(text: str, language: str) -> str:
    text = re.sub(r"(?<=\w)'(?=\w)|(?<=s)'(?=\s)", "\u2019", text)
    text = re.sub(r"(?<=\d) (?=[%€])|(?<=[€£]) (?=\d)", "\u00a0", text)
    if language == "en":
        text = re.sub(r'"([^"]+)"', "\u201c\\1\u201d", text)
    if language == "fr":
        text = re.sub(r"(?<=[^\s|]) (?=[:;!?»])", "\u00a0", text)
        text = re.sub(r"(?<=«) |(?<=\d) (?=\d{3}(?!\d))", "\u00a0", text)
    return text


def runs(text: str) -> tuple[Run, ...]:
    """A line as stretches of one style each."""
    found: list[Run] = []
    end = 0
    for match in _RUN.finditer(text):
        found.append(Run(text[end : match.start()]))
        style = match.lastgroup or ""
        if style == "href":
            found.append(Run(match["link"], "link", match["href"]))
        else:
            found.append(Run(match[style], style))
        end = match.end()
    return tuple(run for run in (*found, Run(text[end:])) if run.text)


def plain(text: str) -> str:
    """A line without its marks."""
    return "".join(run.text for run in runs(text))


def _blocks(body: str) -> Iterator[Block]:
    for chunk in _chunks(body):
        first = chunk[0]
        if first.startswith("```"):
            yield Code("\n".join(chunk[1:-1]))
        elif first.startswith("#"):
            marks, _, text = first.partition(" ")
            yield Heading(len(marks), text)
        elif first == "---":
            yield Break()
        elif first.startswith("|"):
            rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in chunk]
            yield Table(tuple(row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)))
        elif first.startswith("> "):
            yield Paragraph(_joined([line.removeprefix(">").strip() for line in chunk]), quote=True)
        elif match := _ITEM.fullmatch(first):
            yield Listing(tuple(_items(chunk)), ordered=match["mark"] != "-")
        else:
            yield Paragraph(_joined(chunk))


def _chunks(body: str) -> Iterator[list[str]]:
    """Lines that belong together: up to a blank line, a heading alone, fenced code whole."""
    chunk: list[str] = []
    fenced = False
    for line in [*body.split("\n"), ""]:
        fence = line.startswith("```")
        if fenced or fence:
            chunk.append(line)
            if fence and fenced:
                yield chunk
                chunk = []
            fenced = fenced != fence
        elif not line.strip():
            if chunk:
                yield chunk
            chunk = []
        elif line.startswith("#"):
            yield [line]
        else:
            chunk.append(line)


def _joined(lines: list[str]) -> str:
    text = ""
    for line in lines:
        glue = "" if not text or text.endswith("\n") else " "
        text += glue + (line[:-1] + "\n" if line.endswith("\\") else line.strip())
    return text


def _items(lines: list[str]) -> Iterator[str]:
    item: list[str] = []
    for line in lines:
        if match := _ITEM.fullmatch(line):
            if item:
                yield _joined(item)
            item = [match["text"]]
        else:
            item.append(line.strip())
    yield _joined(item)


def _writers(names: list[str]) -> tuple[Writer, ...]:
    found = [_WRITER.fullmatch(name) for name in names]
    return tuple(Writer(match["name"], match["address"]) for match in found if match)


def read(path: Path, root: Path = SOURCES) -> Source:
    """One source file below `root`.

    :raises ValueError: where it has no front matter.
    """
    text = path.read_text(encoding="utf-8")
    front = _FRONT.match(text)
    if front is None:
        raise ValueError(f"{path} has no front matter.")
    head: dict[str, Any] = yaml.safe_load(front[1])
    language = head["language"]
    return Source(
        name=path.relative_to(root).with_suffix("").as_posix(),
        title=typography(head["title"], language),
        language=language,
        format=head["format"],
        created=head["created"],
        modified=head["modified"],
        authors=_writers(head["authors"]),
        roles={role: _writers(names) for role, names in head.get("roles", {}).items()},
        reference=head.get("reference", ""),
        subject=typography(head.get("subject", ""), language),
        keywords=tuple(map(str, head.get("keywords", ()))),
        byline=head.get("byline", True),
        quotes=tuple(head.get("quotes", ())),
        version_of=head.get("version_of", ""),
        body=typography(text[front.end() :].strip("\n"), language),
    )


def read_all(root: Path = SOURCES) -> tuple[Source, ...]:
    """Every source below `root`, by name."""
    return tuple(sorted((read(path, root) for path in root.rglob("*.md")), key=lambda source: source.name))
