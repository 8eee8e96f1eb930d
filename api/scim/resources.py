"""People and groups as SCIM has them (RFC 7643) and as a directory tells them."""

from typing import Any

from api.scim.filters import named, parts_of
from memory.domain import Identity
from memory.errors import InvalidInput
from memory.people.directory import ListedGroup, ListedPerson, group_token, identity

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_KEPT = {
    "username", "externalid", "name", "displayname", "nickname", "title", "active", "emails", "locale", "timezone", "usertype",
    "preferredlanguage", "profileurl", "addresses", "phonenumbers", "roles", "entitlements", "ims", "photos", "x509certificates",
    ENTERPRISE.lower(),
}  # fmt: skip
"""What is kept of a person; passwords are not, nor what nobody here asks for."""

_YES, _NO = {"true", "1"}, {"false", "0"}


def user_of(given: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a person that a provider sent.

    :raises InvalidInput: where it has no ``userName``, or something is not what its name says.
    """
    kept = {key: value for key, value in given.items() if key.lower() in _KEPT and value is not None}
    spelt = {key.lower(): key for key in kept}
    name = kept.get(spelt.get("username", ""), "")
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("A User has a userName.")
    if "active" in spelt:
        kept["active"] = _truth(kept.pop(spelt["active"]))
    emails = kept.get(spelt.get("emails", ""), [])
    kept["emails"] = [each if isinstance(each, dict) else {"value": each} for each in _listed(emails)]
    return kept


def group_of(given: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a group that a provider sent.

    :raises InvalidInput: where it has no ``displayName``, or members without a ``value``.
    """
    spelt = {key.lower(): value for key, value in given.items()}
    name = spelt.get("displayname")
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("A Group has a displayName.")
    kept: dict[str, Any] = {"displayName": name.strip()}
    if isinstance(spelt.get("externalid"), str):
        kept["externalId"] = spelt["externalid"]
    members = [
        each if isinstance(each, dict) else {"value": each} for each in _listed(spelt.get("members") or [])
    ]
    if not all(isinstance(each.get("value"), str) and each["value"] for each in members):
        raise InvalidInput("Each member of a Group has a value: the id of a User or a Group.")
    kept["members"] = list({each["value"]: each for each in members}.values())
    return kept


def cut(resource: dict[str, Any], only: str, without: str) -> dict[str, Any]:
    """A resource as far as it is asked for (RFC 7644, 3.9).

    :param only, without: attributes with commas between; ``schemas`` and ``id`` are always there.
    """
    if only.strip():
        wanted = [parts_of(each.strip()) for each in only.split(",") if each.strip()]
        found: dict[str, Any] = {key: resource[key] for key in ("schemas", "id") if key in resource}
        for parts in wanted:
            name = named(resource, parts[0])
            if name in resource:
                found[name] = _inside(resource[name], parts[1:], found.get(name))
        return found
    cut_off = dict(resource)
    for each in without.split(","):
        parts = parts_of(each.strip()) if each.strip() else [""]
        name = named(cut_off, parts[0])
        if name in cut_off and name not in ("schemas", "id"):
            if len(parts) == 1:
                cut_off.pop(name)
            else:
                cut_off[name] = _outside(cut_off[name], parts[1])
    return cut_off


def _inside(value: Any, parts: list[str], had: Any) -> Any:
    """Some parts of a value, beside those that it has already."""
    if not parts:
        return value
    if isinstance(value, list):
        before = had if isinstance(had, list) else [None] * len(value)
        return [_inside(each, parts, one) for each, one in zip(value, before, strict=True)]
    if not isinstance(value, dict):
        return value
    name = named(value, parts[0])
    known = had if isinstance(had, dict) else {}
    return known | ({name: value[name]} if name in value else {})


def _outside(value: Any, part: str) -> Any:
    if isinstance(value, list):
        return [_outside(each, part) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if key != named(value, part)}


def person(which: str, kept: dict[str, Any], about: dict[str, Any]) -> ListedPerson:
    """A person as a directory tells them.

    :param about: what is to be told back to the provider.
    """
    extension: Any = next((value for key, value in kept.items() if key.lower() == ENTERPRISE.lower()), {})
    extension = extension if isinstance(extension, dict) else {}
    manager = extension.get("manager", "")
    manager = manager.get("value", "") if isinstance(manager, dict) else manager
    login = str(
        kept["userName"]
        if "userName" in kept
        else next(v for k, v in kept.items() if k.lower() == "username")
    )
    return ListedPerson(
        which,
        _names(kept, login) or (Identity(name=login),),
        str(extension.get("department") or ""),
        str(manager or ""),
        kept.get("active", True),
        login.lower(),
        about,
        where=f"User {login[:60]}",
    )


def group(which: str, kept: dict[str, Any], about: dict[str, Any]) -> ListedGroup:
    """A group as a directory tells it."""
    members = frozenset(each["value"] for each in kept["members"])
    return ListedGroup(which, group_token(kept["displayName"]), members, about)


def _names(kept: dict[str, Any], login: str) -> tuple[Identity, ...]:
    """What they are called, with the address that counts first."""
    values = [each for each in kept["emails"] if isinstance(each.get("value"), str)]
    values.sort(
        key=lambda each: (not _truth(each.get("primary", False)), str(each.get("type", "")).lower() != "work")
    )
    addresses = [each["value"] for each in values] + ([login] if "@" in login else [])
    name: Any = kept.get("name")
    name = name if isinstance(name, dict) else {}
    given, family = str(name.get("givenName") or ""), str(name.get("familyName") or "")
    called = str(kept.get("displayName") or name.get("formatted") or f"{given} {family}".strip() or login)
    names = [identity(called, addresses[0] if addresses else "")]
    names += [identity(address=each) for each in addresses[1:]]
    names += [identity(f"{family}, {given}")] if given and family else []
    return tuple(dict.fromkeys(each for each in names if each))


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    said = str(value).strip().lower()
    if said not in _YES | _NO:
        raise InvalidInput(f"Neither true nor false: {said[:20]!r}.")
    return said in _YES


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
