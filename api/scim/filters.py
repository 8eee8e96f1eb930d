"""Filters of SCIM (RFC 7644, 3.4.2.2): ``userName eq "jane@x.example" and (active eq true or emails[type eq "work"].value co "x")``."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from api.scim.refusals import InvalidFilter

Test = Callable[[dict[str, Any]], bool]

_TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]])|(?P<word>[^\s()\[\]"]+))')
_DEEPEST = 20
_EXACT = {"id", "externalid", "$ref", "location"}
"""Attributes whose case counts."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a filter finds.

    :param sure: attributes, in lower case and without the schemas of users and groups, with the texts that they equal wherever it finds
        something: what to look up, so that not everything is tried.
    :param named: every attribute that it looks at, in lower case.
    """

    test: Test
    sure: tuple[tuple[str, str], ...] = ()
    named: frozenset[str] = frozenset()

    def __call__(self, resource: dict[str, Any]) -> bool:
        """Whether it finds a resource."""
        return self.test(resource)


def parse_filter(text: str) -> Filter:
    """What a filter finds.

    :raises InvalidFilter: where it cannot be understood.
    """
    parser = _Parser(text)
    found = parser.either(0)
    if parser.peek() is not None:
        raise parser.wrong()
    return found


def values_at(resource: dict[str, Any], path: str) -> list[Any]:
    """What an attribute has, several where it may have several: ``name.familyName``, ``emails.value``, or with a schema before a colon."""
    found: list[Any] = [resource]
    for part in parts_of(path):
        found = [value for each in found for value in _inner(each, part)]
    return found


def parts_of(path: str) -> list[str]:
    """The parts of a path; a schema's name is one (``urn:...:User``)."""
    if path.lower().startswith("urn:"):
        schema, _, rest = path.rpartition(":")
        if schema.lower().endswith((":core:2.0:user", ":core:2.0:group")):
            return rest.split(".")
        if path.lower().endswith(":user"):
            return [path]
        return [schema, *rest.split(".")]
    return path.split(".")


def named(resource: dict[str, Any], name: str) -> str:
    """An attribute's name as the resource spells it; names have no case (RFC 7643, 2.1)."""
    return next((key for key in resource if key.lower() == name.lower()), name)


def _inner(value: Any, part: str) -> Iterator[Any]:
    if isinstance(value, dict):
        found = value.get(named(value, part))
        if isinstance(found, list):
            yield from found
        elif found is not None:
            yield found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise self.wrong()
            self._tokens.append(found[0].strip())
            at = found.end()
        self._at = 0

    def wrong(self) -> InvalidFilter:
        return InvalidFilter(f"This filter cannot be understood: {self._text[:200]!r}.")

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> str:
        token = self.peek()
        if token is None:
            raise self.wrong()
        self._at += 1
        return token

    def either(self, depth: int) -> Filter:
        if depth > _DEEPEST:
            raise self.wrong()
        several = [self._both(depth)]
        while (self.peek() or "").lower() == "or":
            self.take()
            several.append(self._both(depth))
        if len(several) == 1:
            return several[0]
        return Filter(lambda resource: any(each(resource) for each in several), (), _named(several))

    def _both(self, depth: int) -> Filter:
        several = [self._one(depth)]
        while (self.peek() or "").lower() == "and":
            self.take()
            several.append(self._one(depth))
        if len(several) == 1:
            return several[0]
        sure = tuple(pair for each in several for pair in each.sure)
        return Filter(lambda resource: all(each(resource) for each in several), sure, _named(several))

    def _one(self, depth: int) -> Filter:
        token = self.take()
        if token.lower() == "not":
            if self.take() != "(":
                raise self.wrong()
            inner = self._closed(depth, ")")
            return Filter(lambda resource: not inner(resource), (), inner.named)
        if token == "(":  # noqa: S105 - a bracket, no secret
            return self._closed(depth, ")")
        if self.peek() == "[":
            self.take()
            return self._within(token, self._closed(depth, "]"))
        return self._comparison(token)

    def _within(self, path: str, inner: Filter) -> Filter:
        """Of several values one of which is to be found; Entra ID asks for a part of that one, too: ``emails[type eq "work"].value eq "x"``."""
        here = _plain(path)
        after: Test = lambda _: True  # noqa: E731 - the other is made elsewhere
        sure = inner.sure
        if (part := self.peek() or "").startswith("."):
            self.take()
            compared = self._comparison(part[1:])
            after, sure = compared.test, (*sure, *compared.sure)

        def test(resource: dict[str, Any]) -> bool:
            values = (as_dict(each) for each in values_at(resource, path))
            return any(inner(each) and after(each) for each in values)

        return Filter(test, tuple((f"{here}.{name}", value) for name, value in sure), frozenset({here}))

    def _closed(self, depth: int, mark: str) -> Filter:
        inner = self.either(depth + 1)
        if self.take() != mark:
            raise self.wrong()
        return inner

    def _comparison(self, path: str) -> Filter:
        operator, named_ = self.take().lower(), frozenset({_plain(path)})
        if operator == "pr":
            return Filter(
                lambda resource: any(each not in ("", None) for each in values_at(resource, path)), (), named_
            )
        if operator not in _COMPARED:
            raise self.wrong()
        wanted = self._value(self.take())
        compare, exact = _COMPARED[operator], path.rpartition(".")[2].lower() in _EXACT
        return Filter(
            lambda resource: _holds(compare, operator, values_at(resource, path), wanted, exact),
            ((_plain(path), wanted),) if operator == "eq" and isinstance(wanted, str) else (),
            named_,
        )

    def _value(self, token: str) -> Any:
        if token.startswith('"'):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        known = {"true": True, "false": False, "null": None}
        if token.lower() in known:
            return known[token.lower()]
        try:
            return float(token)
        except ValueError:
            raise self.wrong() from None


def _plain(path: str) -> str:
    return ".".join(parts_of(path)).lower()


def _named(several: list[Filter]) -> frozenset[str]:
    return frozenset().union(*(each.named for each in several))


def as_dict(value: Any) -> dict[str, Any]:
    """A value of an attribute as one with parts of its own."""
    return value if isinstance(value, dict) else {"value": value}


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda has, wanted: has == wanted,
    "ne": lambda has, wanted: has == wanted,
    "co": lambda has, wanted: wanted in has,
    "sw": lambda has, wanted: has.startswith(wanted),
    "ew": lambda has, wanted: has.endswith(wanted),
    "gt": lambda has, wanted: has > wanted,
    "ge": lambda has, wanted: has >= wanted,
    "lt": lambda has, wanted: has < wanted,
    "le": lambda has, wanted: has <= wanted,
}


def _holds(
    compare: Callable[[Any, Any], bool], operator: str, has: list[Any], wanted: Any, exact: bool
) -> bool:
    plain = [as_dict(each).get("value") if isinstance(each, dict) else each for each in has]
    if operator == "ne":
        return not any(_compared(compare, each, wanted, exact) for each in plain)
    return any(_compared(compare, each, wanted, exact) for each in plain)


def _compared(compare: Callable[[Any, Any], bool], has: Any, wanted: Any, exact: bool) -> bool:
    if isinstance(has, str) and isinstance(wanted, str) and not exact:
        has, wanted = has.casefold(), wanted.casefold()
    try:
        return bool(compare(has, wanted))
    except (TypeError, AttributeError):
        return False
