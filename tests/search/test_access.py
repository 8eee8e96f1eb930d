"""Nothing of what an asker may not see shows anywhere in an answer, compared with a memory that lacks it."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memory.domain import OWNER, PUBLIC, Access, Asker, Contribution, Identity, Role
from tests.search.small_memory import SmallMemory, small_memory

_TOKENS = ("group:a", "group:b", "person:c", PUBLIC)
_WORDS = ("zebra", "notice", "period", "hotel", "contract", "clause")
_NAMES = ("Jane Doe", "Bob Ray", "Max Roe")
_some = st.frozensets(st.sampled_from(_TOKENS), max_size=2)
_TOLD_APART = ("kind", "kinder", "oder")
"""Words whose terms hang on the language they are read in."""


def _texts(*words: str) -> st.SearchStrategy[list[str]]:
    passage = st.lists(st.sampled_from(words), min_size=1, max_size=5).map(" ".join)
    return st.lists(passage, min_size=1, max_size=3)


_facts = st.fixed_dictionaries(
    {
        "access": st.builds(Access, _some, _some),
        "source": st.sampled_from(["wiki", "mail", "files"]),
        "year": st.integers(2020, 2023),
        "authors": st.lists(st.sampled_from(_NAMES), max_size=2, unique=True),
        "others": st.lists(st.sampled_from(_NAMES), max_size=1),
    }
)
# What is of an unknown language is read in the main one of the whole memory, as IDF is the whole memory's.
_spoken = st.fixed_dictionaries(
    {"texts": _texts(*_WORDS, *_TOLD_APART), "language": st.sampled_from(["en", "de"])}
)
_unknown = st.fixed_dictionaries({"texts": _texts(*_WORDS), "language": st.just("")})
_document = st.builds(lambda facts, told: facts | told, _facts, _spoken | _unknown)
_query = st.sampled_from(
    ["zebra", "kinder", "kind", "oder", "kinder zebra", "notice period", '"notice period"', "zebra -hotel", "source:wiki", "lang:de", "contract after:2021", "author:jane",
     "clause author:bob", "author:max author:jane author:nobody", "the", "zebra source:mail source:files"]
)  # fmt: skip


def _fill(memory: SmallMemory, documents: list[dict[str, Any]]) -> None:
    for known in documents:
        facts = dict(known)
        others = [Contribution(Identity(name=name), Role.RECIPIENT) for name in facts.pop("others")]
        memory.add(
            facts["title"],
            *facts.pop("texts"),
            others=others,
            **{k: v for k, v in facts.items() if k != "title"},
        )
    memory.embed()
    memory.model_is_ready()


def _shown(memory: SmallMemory, query: str, asker: Asker) -> dict[str, Any]:
    """An answer without what depends on ids, on time, or on statistics over the whole index.

    BM25's IDF is the index's, so that scores may shift with what is hidden, and with them which passage of a
    document is its best; which documents are found, counted and named may not.
    """
    told = memory.search(query, asker, limit=100, explain=True).to_json()
    results = [
        {
            "title": result["title"],
            "people": [(one["name"], one["role"]) for one in result["people"]],
            "texts": sorted(passage["text"] for passage in result["passages"]),
            "highlights": sorted(json.dumps(passage["highlights"]) for passage in result["passages"]),
            "legs": [leg["leg"] for leg in result["explain"]],
        }
        for result in told["results"]
    ]
    facets = {
        name: sorted((one["label"], one["count"], one["query"]) for one in values)
        for name, values in told["facets"].items()
    }
    ranks = sorted(
        leg["rank"]
        for result in told["results"]
        for leg in result["explain"]
        if leg["leg"] == "words" and leg["rank"]
    )
    return {
        "results": sorted(results, key=lambda one: one["title"]),
        "found by words": len(ranks),
        "facets": facets,
        **{name: told[name] for name in ("query", "total", "total_is_exact", "pages", "notes", "filters")},
    }


def _page(text: str, language: str, access: Access) -> dict[str, Any]:
    facts = {"source": "wiki", "year": 2020, "authors": [], "others": []}
    return {**facts, "texts": [text], "language": language, "access": access}


_EVERYBODY, _NOBODY = Access(frozenset({PUBLIC})), Access()


@pytest.mark.slow
@example([_page("kind", "en", _EVERYBODY), _page("zebra", "de", _NOBODY)], frozenset(), ["kinder", "oder"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(_document, max_size=6),
    st.frozensets(st.sampled_from(_TOKENS)),
    st.lists(_query, min_size=1, max_size=4),
)
def test_a_memory_looks_as_if_it_held_only_what_the_asker_may_see(tmp_path_factory, found, held, queries):
    asker = Asker("somebody", held)
    documents = [{"title": f"document {number}", **known} for number, known in enumerate(found)]
    visible = [known for known in documents if known["access"].allows(asker)]
    folder = tmp_path_factory.mktemp("memories")
    with small_memory(folder / "all", "all") as whole, small_memory(folder / "part", "part") as part:
        _fill(whole, documents)
        _fill(part, visible)
        for query in queries:
            assert _shown(whole, query, asker) == _shown(part, query, asker)
            told = whole.search(query, asker, limit=100, explain=True)
            assert {one.card.title for one in told.results} <= {known["title"] for known in visible}
            # A rank that counted hidden passages would tell how many there are.
            seen = sum(len(known["texts"]) for known in visible)
            assert all((leg.rank or 0) <= seen for one in told.results for leg in one.explain or ())


@pytest.mark.parametrize("query", ["zebra", "author:jane", "source:wiki"])
def test_who_holds_nothing_finds_nothing_and_the_owner_everything(tmp_path, query):
    with small_memory(tmp_path) as memory:
        memory.add("open to none", "zebra", access=Access(), authors=["Jane Doe"])
        assert memory.search(query, Asker("guest")).total == 0
        assert not any(memory.search(query, Asker("guest")).facets.values())
        assert memory.search(query, OWNER).total == 1


def test_weights_do_not_tell_how_much_is_hidden(tmp_path):
    """While hidden passages wait for their vectors, meaning counts by the percent that everybody is told, no finer."""
    with small_memory(tmp_path / "memory", "progress") as memory:
        memory.add("Shown", "notice period of the lease")
        memory.add("Hidden", "zebra", "hotel", "clause", "contract", access=Access(frozenset({"group:b"})))
        memory.embed()
        memory.model_is_ready()

        def weight() -> float:
            answer = memory.search("notice period", Asker(), explain=True)
            return answer.results[0].explain[1].weight

        whole = weight()
        memory.add("Hidden too", "zebra hotel", access=Access(frozenset({"group:b"})))
        deadline = time.monotonic() + 10
        while weight() == whole and time.monotonic() < deadline:
            time.sleep(0.1)  # progress may be a second old
        assert weight() / whole == pytest.approx(0.83, abs=1e-9), "five of six, cut to percent"


def test_deny_wins(tmp_path):
    with small_memory(tmp_path) as memory:
        memory.add("denied", "zebra", access=Access(frozenset({PUBLIC}), frozenset({"group:a"})))
        assert memory.titles("zebra", Asker("guest")) == ["denied"]
        assert memory.titles("zebra", Asker("member", frozenset({"group:a"}))) == []
