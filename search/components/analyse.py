"""From what was typed to what is looked for."""

from collections.abc import Mapping
from typing import Any

from haystack import component

from memory import registry
from memory.catalogue.catalogue import NO_MAIN_LANGUAGE, Catalogue
from memory.domain import Asker
from memory.embedding.base import Embedder
from memory.index.base import Filters, SparseWords
from memory.words import WordAnalyser
from search.flow import Question
from search.names import language_codes, short_types
from search.query import Query
from search.recent import Recent
from search.request import SearchRequest

NOBODY = "-"
"""Stands for the person nobody is, so that a filter by it finds nothing."""


_IN_USE = 0.05
"""A language that fewer of the documents are in is not weighed apart."""

_HELD = 1000
"""Sets of tokens whose languages are kept at hand."""


@component
class AnalyseQuery:
    """Reads the query language and says what each filter means in this memory.

    :param memory: the memory's name in the registry.
    """

    def __init__(self, memory: str = "default") -> None:
        self.memory = memory
        self._catalogue: Catalogue | None = None

    def warm_up(self) -> None:
        """Get the catalogue and the analyser."""
        catalogue = registry.need(self.memory, Catalogue)
        self._words = registry.need(self.memory, WordAnalyser)
        if catalogue is not self._catalogue:
            self._progress = Recent(catalogue.passages.progress)
            self._languages: dict[Asker, Recent[dict[str, int]]] = {}
            self._sources = Recent(lambda: [source.name for source in catalogue.sources.all()])
            self._catalogue = catalogue

    @component.output_types(question=Question)
    def run(self, request: SearchRequest) -> dict[str, Any]:
        """Understand a search.

        :raises InvalidQuery: where it cannot be understood.
        """
        query = Query.parse(request.query)
        languages, notes = _languages(query)
        authors = tuple((value, self._persons(value, request.asker)) for value in query.authors)
        filters = Filters(
            sources=tuple(dict.fromkeys(name for value in query.sources for name in self._named(value))),
            types=tuple(dict.fromkeys(name for value in query.types for name in short_types(value))),
            languages=languages,
            people=tuple(dict.fromkeys(person for _, persons in authors for person in persons)),
            after=query.after.seconds if query.after else None,
            before=query.before.seconds if query.before else None,
            phrases=query.phrases,
            without=query.without,
        )
        question = Question(
            request=request,
            query=query,
            words=self._terms(query, languages, request.asker),
            filters=filters,
            authors=authors,
            progress=self._progress.get(),
            meaning=registry.find(self.memory, Embedder) is not None,  # type: ignore[type-abstract]
            notes=notes,
            languages=() if languages else _in_use(self._readable(request.asker)),
        )
        return {"question": question}

    def _terms(self, query: Query, languages: tuple[str, ...], asker: Asker) -> SparseWords | None:
        """The terms in every language the texts may be in; None where there are no words to look for."""
        if not any(char.isalnum() for char in query.text):
            return None
        words = self._words.query(query.text, languages or self._readable(asker))
        # A phrase such as "to be or not to be" has no terms, and yet says what is wanted.
        return None if query.phrases and not words.terms else words

    def _readable(self, asker: Asker) -> dict[str, int]:
        """The languages of what the asker may see: others, of hidden documents, may not change what is found."""
        # By what is held, not by who holds it: colleagues share it.
        held = Asker(tokens=asker.tokens, owner=asker.owner)
        known = self._languages.get(held)
        if known is None:
            if len(self._languages) >= _HELD:
                self._languages.clear()
            known = self._languages[held] = Recent(lambda: self._read_languages(held))
        return known.get()

    def _read_languages(self, asker: Asker) -> dict[str, int]:
        """With their documents; most come first."""
        if self._catalogue is None:
            return {}
        found = self._catalogue.documents.languages(asker)
        if "" in found:  # such texts were read in the memory's main language
            main = self._catalogue.main_language()
            found[main] = found.get(main, 0) + found.pop("")
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    def _persons(self, value: str, asker: Asker) -> tuple[str, ...]:
        found = self._catalogue.person_pages.find(value, asker) if self._catalogue else []
        return tuple(found) or (NOBODY,)

    def _named(self, value: str) -> list[str]:
        """The sources of a name, whatever its case."""
        known = [name for name in self._sources.get() if name.casefold() == value.casefold()]
        return known or [value]


def _languages(query: Query) -> tuple[tuple[str, ...], tuple[str, ...]]:
    codes: dict[str, None] = {}
    notes = []
    for value in query.languages:
        known = language_codes(value)
        if not known:
            notes.append(f"No language is known as {value}.")
        codes.update(dict.fromkeys(known or (value,)))
    return tuple(codes), tuple(notes)


def _in_use(languages: Mapping[str, int]) -> tuple[str, ...]:
    """Those that a good part of the documents is in; a few may be mistaken for another."""
    least = _IN_USE * sum(languages.values())
    known = {language: many for language, many in languages.items() if language not in {"", NO_MAIN_LANGUAGE}}
    return tuple(language for language, many in known.items() if many >= least)
