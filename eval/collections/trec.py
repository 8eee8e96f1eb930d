"""Collections in TREC's formats: topics, qrels, and documents in ``<DOC>`` elements.

Ids may hold blanks in a memory (a file's name); these formats cannot, and are written with ``␣`` in their place.

Topics: ``<top>`` elements with ``<num>``, ``<title>``, ``<desc>`` and ``<narr>``, whose ends may be missing
(TREC 1-8, Robust), or one ``id<TAB>text`` a line. Qrels: ``topic iteration document grade``, divided by blanks.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.collections.beir import judge
from eval.collections.lines import file_checksum, lines, malformed, write_lines
from eval.collections.model import CorpusDocument, Qrels, Query
from memory.errors import InvalidInput

_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z]+)>")
_LABEL = re.compile(r"^\s*(?:Number|Topic|Description|Narrative)\s*:", re.IGNORECASE)
_FIELDS = ("title", "desc", "narr")

BLANK = "␣"
"""Stands for a blank within an id."""


def read_topics(path: Path, fields: tuple[str, ...] = ("title",)) -> tuple[Query, ...]:
    """The topics of a file.

    :param fields: which parts of a ``<top>`` make the query: ``title``, ``desc``, ``narr``.
    :raises NotFound: where there is no such file.
    :raises InvalidInput: where a line is no topic, naming it.
    """
    for _, line in lines(path):
        if line.lstrip().startswith("<"):
            return tuple(_tagged_topics(path, fields))
        break
    return tuple(_tabbed_topics(path))


def _tabbed_topics(path: Path) -> Iterator[Query]:
    seen: set[str] = set()
    for number, line in lines(path):
        identity, tab, text = line.partition("\t")
        identity = unword(identity.strip())
        if not tab or not identity or not text.strip():
            raise malformed(
                path, number, "is no topic", "A topic is an id, a tab and a text, or a <top> element."
            )
        if identity in seen:
            raise malformed(path, number, f"the id {identity} is there twice")
        seen.add(identity)
        yield Query(identity, text.strip())


def _tagged_topics(path: Path, fields: tuple[str, ...]) -> Iterator[Query]:
    seen: set[str] = set()
    for number, parts in _elements(path, "top", ("num", *_FIELDS)):
        identity = _LABEL.sub("", parts.get("num", "")).strip()
        text = " ".join(" ".join(_LABEL.sub("", parts.get(name, "")).split()) for name in fields).strip()
        if not identity or not text:
            raise malformed(
                path, number, f"this topic has no {'<num>' if not identity else ' and no '.join(fields)}"
            )
        if identity in seen:
            raise malformed(path, number, f"the id {identity} is there twice")
        seen.add(identity)
        yield Query(identity, text)


@dataclass(frozen=True, slots=True)
class TrecCorpus:
    """The documents in a file of ``<DOC>`` elements: ``<DOCNO>``, ``<TITLE>`` or ``<HEADLINE>``, ``<TEXT>``."""

    path: Path

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, in hex."""
        return file_checksum(self.path)

    def __iter__(self) -> Iterator[CorpusDocument]:
        seen: set[str] = set()
        for number, parts in _elements(self.path, "doc", ("docno", "title", "headline", "text")):
            identity = parts.get("docno", "").strip()
            if not identity or identity in seen:
                raise malformed(self.path, number, "this document has no <DOCNO> of its own")
            seen.add(identity)
            title = " ".join((parts.get("title") or parts.get("headline") or "").split())
            yield CorpusDocument(identity, parts.get("text", "").strip(), title)


def read_trec_qrels(path: Path) -> Qrels:
    """The judgements of a qrels file.

    :raises NotFound: where there is no such file.
    :raises InvalidInput: where a line is no judgement, naming it.
    """
    qrels: Qrels = {}
    for number, line in lines(path):
        fields = line.split()
        if len(fields) != 4:
            raise malformed(
                path,
                number,
                f"has {len(fields)} columns, not 4",
                "A line is topic, iteration, document and grade.",
            )
        judge(qrels, path, number, unword(fields[0]), unword(fields[2]), fields[3])
    return qrels


def write_trec_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> None:
    """Write judgements as a qrels file.

    :raises InvalidInput: where an id holds a tab or a line end, which this format cannot.
    """
    write_lines(
        path,
        (
            f"{word(query)} 0 {word(document)} {grade}"
            for query, grades in qrels.items()
            for document, grade in grades.items()
        ),
    )


def write_topics(path: Path, queries: Iterable[Query]) -> None:
    """Write topics, one ``id<TAB>text`` a line; line ends within a text turn into blanks."""
    write_lines(path, (f"{word(query.id)}\t{' '.join(query.text.split())}" for query in queries))


def word(identity: str) -> str:
    """An id as TREC's formats can hold it: blanks are written as ``␣``.

    :raises InvalidInput: where it holds that sign, or any other white space.
    """
    written = identity.replace(" ", BLANK)
    if BLANK in identity or written.split() != [written]:
        raise InvalidInput(
            f"TREC's formats cannot hold the id {identity!r}.", hint="Use ids without tabs and line ends."
        )
    return written


def unword(written: str) -> str:
    """The id that `word` wrote."""
    return written.replace(BLANK, " ")


def _elements(path: Path, whole: str, names: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The line each element begins in, and the text of its named parts."""
    began, parts = 0, dict[str, str]()
    for number, name, text in _pieces(path, whole, names):
        if name not in {whole, f"/{whole}"}:
            parts[name] = parts.get(name, "") + text
        elif began and name == whole:
            raise malformed(path, began, f"this <{whole}> has no end")
        elif name == whole:
            began, parts = number, {}
        elif not began:
            raise malformed(path, number, f"this </{whole}> has no beginning")
        else:
            yield began, parts
            began = 0
    if began:
        raise malformed(path, began, f"this <{whole}> has no end")


def _pieces(path: Path, whole: str, names: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    """Line by line what each named part holds, and where the whole begins and ends.

    A part ends at its own end or where the next known tag begins; other tags are text.
    """
    part = ""
    for number, line in lines(path):
        at = 0
        for match in _TAG.finditer(line):
            name = match["name"].lower()
            if name != whole and name not in names:
                continue
            if part:
                yield number, part, line[at : match.start()]
            at, part = match.end(), "" if match["end"] or name == whole else name
            if name == whole:
                yield number, match["end"] + whole, ""
        if part:
            yield number, part, f"{line[at:]}\n"
