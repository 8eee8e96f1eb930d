"""What the patterns of include, exclude and the access rules mean."""

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.patterns import AccessRules, Patterns
from memory.domain import Access
from memory.errors import InvalidInput


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("*.pdf", ["a.pdf", "x/a.pdf", "x/y/.pdf", "odd.pdf/inside.txt"], ["a.pdf.txt", "a.PDF", "apdf"]),
        ("/a.pdf", ["a.pdf"], ["x/a.pdf"]),
        ("drafts", ["drafts", "drafts/a", "x/drafts/y/a"], ["mydrafts/a", "drafts2", "Drafts"]),
        ("drafts/", ["drafts/a", "x/drafts/y/a"], ["drafts", "x/drafts", "mydrafts/a"]),
        ("/drafts/", ["drafts/a"], ["drafts", "x/drafts/a"]),
        ("a/*.pdf", ["a/b.pdf"], ["a/x/b.pdf", "x/a/b.pdf", "b.pdf"]),
        ("a/b", ["a/b", "a/b/c"], ["x/a/b", "a/bc"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/c"], ["ab", "a/xb", "x/a/b"]),
        ("**/b", ["b", "a/b", "a/b/c"], ["ab"]),
        ("**", ["a", "a/b"], []),
        ("**/", ["a/b", "a/b/c"], ["a"]),
        ("a/**.pdf", ["a/b.pdf", "a/x/y.pdf"], ["b.pdf", "a/b.txt"]),
        ("a?c", ["abc", "x/abc", "aüc"], ["ac", "a/c", "abbc"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "Ax", "x"]),
        ("[!a-c]x", ["dx", "-x"], ["ax", "x"]),
        ("a[+-9]b", ["a0b", "a.b"], ["a/b"]),
        ("a[!x]b", ["ayb"], ["a/b", "axb"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[^a]", ["b"], ["a"]),
        ("[[&&~~||]", ["[", "&", "~", "|"], ["a"]),
        (r"\*", ["*"], ["a"]),
        (r"\!a", ["!a"], ["a"]),
        (r"a\[b", ["a[b"], ["ab"]),
        ("a.b+(c)$", ["a.b+(c)$"], ["aXb+(c)$", "a.bb(c)"]),
        ("two words", ["two words", "x/two words/a"], ["two", "words"]),
        ("Vertra\u0308ge/", ["Verträge/a", "Vertra\u0308ge/a"], ["Vertrage/a"]),
        ("Verträge/", ["Verträge/a", "Vertra\u0308ge/a"], ["Vertrage/a"]),
    ],
)
def test_what_a_pattern_means(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    patterns = Patterns([pattern])
    assert [key for key in meant if not patterns.matches(key)] == []
    assert [key for key in not_meant if patterns.matches(key)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "  ",
        "/",
        "//",
        "a//b",
        "a//",
        "./a",
        "a/../b",
        "..",
        "[",
        "a[b",
        "[]",
        "[z-a]",
        "a\\",
        "a\\/b",
        "!a",
        "[!]",
    ],
)
def test_a_bad_pattern_is_named(pattern: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(repr(pattern))):
        Patterns(["*.txt", pattern])


def test_any_one_pattern_is_enough_and_none_mean_nothing() -> None:
    assert Patterns(["a", "b"]).matches("b")
    assert not Patterns([]).matches("b")
    assert Patterns(["a"])
    assert not Patterns([])


PIECES = st.sampled_from(["a", "b", "*", "**", "?", "[ab]", "[!a]", "ab", "/", "/", r"\*", "."])
TEXTS = st.lists(PIECES, min_size=1, max_size=7).map("".join)
KEYS = st.lists(st.text("ab*./", min_size=1, max_size=4), min_size=1, max_size=4).map("/".join)


@given(st.lists(TEXTS, max_size=3), KEYS, KEYS)
def test_a_folder_is_left_out_only_with_all_that_lies_in_it(
    texts: list[str], folder: str, beneath: str
) -> None:
    try:
        patterns = Patterns(texts)
    except InvalidInput:
        return
    if patterns.matches(folder + "/"):
        assert patterns.matches(f"{folder}/{beneath}")


@given(st.text(max_size=12))
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            Patterns([text]).matches("a/b")
        except InvalidInput:
            return


@given(
    st.text(min_size=1, max_size=12).filter(
        lambda name: name not in (".", "..") and name.strip() and "/" not in name
    )
)
def test_an_escaped_name_means_itself(name: str) -> None:
    escaped = "".join("\\" + character for character in name)
    assert Patterns([escaped]).matches(name)
    assert not Patterns([escaped]).matches(name + "x")


def test_the_last_rule_that_matches_replaces_the_others() -> None:
    staff, legal, board = (Access(frozenset({f"group:{name}"})) for name in ("staff", "legal", "board"))
    rules = AccessRules(staff, [("legal/", legal), ("*.secret", board)])
    assert rules.of("a.txt") == staff
    assert rules.of("legal/a.txt") == legal
    assert rules.of("legal/a.secret") == board
    assert AccessRules(staff).of("legal/a.txt") == staff


TOKENS = st.frozensets(st.sampled_from(["a", "b", "ab", "public"]), max_size=3)


@given(TOKENS, TOKENS, TOKENS, TOKENS)
def test_the_digest_differs_where_the_access_differs(
    grant: frozenset[str], deny: frozenset[str], other_grant: frozenset[str], other_deny: frozenset[str]
) -> None:
    one, other = Access(grant, deny), Access(other_grant, other_deny)
    assert (AccessRules(one).digest("a") == AccessRules(other).digest("a")) == (one == other)
