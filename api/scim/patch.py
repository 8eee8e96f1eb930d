"""Changes of a resource in SCIM (RFC 7644, 3.5.2), as providers send them: Entra ID writes ``Add`` and ``"False"``."""

import copy
import re
from typing import Any

from api.scim.filters import as_dict, named, parse_filter, parts_of
from api.scim.refusals import InvalidPath, InvalidSyntax
from memory.errors import InvalidInput

_PATH = re.compile(r"(?P<before>[^\[\]]+)(?:\[(?P<which>.+)\])?(?:\.(?P<after>[^\[\]]+))?")


def patched(resource: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The resource after some operations, all of them or none.

    :raises InvalidInput: where one cannot be understood.
    """
    changed = copy.deepcopy(resource)
    for operation in operations:
        given = {key.lower(): value for key, value in operation.items()}
        what, path, value = str(given.get("op", "")).lower(), given.get("path"), given.get("value")
        if what not in ("add", "replace", "remove"):
            raise InvalidSyntax(
                f"There is no operation {what[:20]!r}.", hint="Known are add, replace and remove."
            )
        if path is None:
            if what == "remove" or not isinstance(value, dict):
                raise InvalidInput("An operation without a path needs attributes as its value.")
            for name, inner in value.items():
                _at(changed, str(name), what, inner)
        else:
            _at(changed, str(path), what, value)
    return changed


def _at(resource: dict[str, Any], path: str, what: str, value: Any) -> None:
    found = _PATH.fullmatch(path)
    if found is None:
        raise InvalidPath(f"Not a path: {path[:100]!r}.")
    parts = parts_of(found["before"])
    holder = resource
    for part in parts[:-1]:
        holder = holder.setdefault(named(holder, part), {})
        if not isinstance(holder, dict):
            raise InvalidPath(f"Nothing lies within {part[:60]!r}.")
    name = named(holder, parts[-1])
    if found["which"] is None and found["after"] is None:
        _whole(holder, name, what, value)
    else:
        _some(holder, name, found["which"], found["after"], what, value)


def _whole(holder: dict[str, Any], name: str, what: str, value: Any) -> None:
    """An attribute as a whole, or what is to be added to it."""
    had = holder.get(name)
    if what == "remove":
        if isinstance(had, list) and value:  # Entra ID names members to be removed so
            gone = [as_dict(each).get("value") for each in (value if isinstance(value, list) else [value])]
            holder[name] = [each for each in had if as_dict(each).get("value") not in gone]
        else:
            holder.pop(name, None)
    elif what == "add" and isinstance(had, list):
        known = [as_dict(each).get("value") for each in had]
        more = value if isinstance(value, list) else [value]
        holder[name] = had + [each for each in more if as_dict(each).get("value") not in known]
    elif isinstance(had, dict) and isinstance(value, dict):
        holder[name] = had | value
    elif what == "add" and name in ("members", "emails") and not isinstance(value, list):
        holder[name] = [value]
    else:
        holder[name] = value


def _some(
    holder: dict[str, Any], name: str, which: str | None, after: str | None, what: str, value: Any
) -> None:
    """Values of an attribute that a filter finds, or a part of them."""
    test = parse_filter(which) if which else lambda _: True
    had = holder.get(name, [])
    values = [as_dict(each) for each in (had if isinstance(had, list) else [had])]
    found = [each for each in values if test(each)]
    if what == "remove":
        if after is None:
            holder[name] = [each for each in values if not test(each)]
        for each in found if after else ():
            each.pop(named(each, after or ""), None)
        return
    if not found:
        # As Entra ID sets an address that is not there yet: emails[type eq "work"].value
        made = dict(re.findall(r'(\w+) eq "([^"]*)"', which or ""))
        values.append(made)
        found = [made]
    for each in found:
        if after is None:
            each.update(as_dict(value))
        else:
            each[named(each, after)] = value
    holder[name] = values
