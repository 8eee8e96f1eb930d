"""What stands in front of a text about the text: YAML front matter, fields, mail-like headers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.parsers.dates import moment
from ingest.parsers.names import identities
from ingest.parsers.people import distinct
from ingest.parsers.properties import Properties
from memory.domain import Contribution, Identity, Role
from memory.errors import InvalidInput

_YAML = re.compile(r"---[ \t]*\n(?P<yaml>.{0,65536}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_FIELD = re.compile(r"(?P<name>[A-Za-z][\w -]{0,40}):(?:[ \t]+(?P<value>\S.*)|[ \t]*$)")
_RST_FIELD = re.compile(r":(?P<name>[^\W\d_][\w -]{0,40}):(?:[ \t]+(?P<value>\S.*)|[ \t]*$)")
_ORG_FIELD = re.compile(r"#\+(?P<name>[A-Za-z]+):[ \t]*(?P<value>.*)")
_ROLES = {
    Role.AUTHOR: "author authors autor autoren autorin verfasser verfasserin auteur auteurs auteure forfatter forfattere writer by",
    Role.EDITOR: "editor editors last-editor bearbeiter redaktør",
    Role.APPROVER: "approver approved-by freigegeben-von approuvé-par godkendt-af pep-delegate bdfl-delegate",
    Role.OWNER: "owner owners document-owner verantwortlich verantwortliche responsable propriétaire ansvarlig ejer maintainer maintainers",
}
_ROLE_OF = {name: role for role, names in _ROLES.items() for name in names.split()}
_KNOWN = {
    "title",
    "subtitle",
    "date",
    "created",
    "status",
    "version",
    "type",
    "last-modified",
    "copyright",
    "contact",
    *_ROLE_OF,
}
_TITLES = ("title", "titel", "titre")
_CREATED = ("date", "created", "published", "datum", "erstellt", "créé", "oprettet", "dato")
_MODIFIED = ("modified", "updated", "lastmod", "last-modified", "geändert", "modifié", "ændret")


@dataclass(frozen=True, slots=True)
class Front:
    """What a text says about itself before it begins.

    :param properties: title and dates, under the names `ingest.parsers.properties` knows.
    :param fields: every field as it stands, for a reader.
    """

    properties: Properties = field(default_factory=dict)
    contributions: tuple[Contribution, ...] = ()
    language: str = ""
    fields: str = ""


def yaml_front(text: str) -> tuple[Front, str]:
    """Front matter between two lines of dashes, and the text after it."""
    match = _YAML.match(text.lstrip("\ufeff"))
    if match is None:
        return Front(), text
    import yaml

    try:
        read = yaml.safe_load(match["yaml"])
    except (yaml.YAMLError, RecursionError, ValueError):
        return Front(), text  # two rules with prose between them, or broken: it stays text
    if not isinstance(read, Mapping):
        return Front(), text
    return _front({_key(str(key)): value for key, value in read.items()}), text[match.end() :]


def header_front(text: str) -> tuple[Front, str]:
    """``Name: value`` lines at the top, as PEPs have them, and the text after them."""
    return _lines_front(text, _FIELD)


def docinfo_front(text: str) -> tuple[Front, str]:
    """``:Name: value`` lines at the top (docinfo of reStructuredText), and the text after them."""
    return _lines_front(text, _RST_FIELD)


def org_front(text: str) -> tuple[Front, str]:
    """``#+NAME: value`` lines at the top of an Org file, and the text after them."""
    return _lines_front(text, _ORG_FIELD)


def _lines_front(text: str, pattern: re.Pattern[str]) -> tuple[Front, str]:
    body = text.lstrip("\n")
    found: dict[str, Any] = {}
    last, position = "", 0
    for line in body.splitlines(keepends=True):
        match = pattern.fullmatch(line.rstrip())
        if match is not None:
            last = _key(match["name"])
            found[last] = "\n".join(part for part in (found.get(last, ""), match["value"] or "") if part)
        elif last and line[:1] in " \t" and line.strip():
            found[last] += "\n" + line.strip()
        else:
            break
        position += len(line)
    if not found.keys() & _KNOWN or (
        pattern is _FIELD and (len(found) < 2 or body[position:].strip(" ")[:1] != "\n")
    ):
        return Front(), text
    front = _front(found)
    return Front(front.properties, front.contributions, front.language, body[:position].strip()), body[
        position:
    ]


def _key(name: str) -> str:
    return re.sub(r"[\s_]+", "-", name.strip().casefold())


def _front(found: Mapping[str, Any]) -> Front:
    properties: dict[str, list[str]] = {}
    for names, key in ((_TITLES, "dc:title"), (_CREATED, "dcterms:created"), (_MODIFIED, "dcterms:modified")):
        said = [str(found[name]) for name in names if found.get(name)]
        if said:
            properties[key] = said
    created = next((at for at in map(moment, properties.get("dcterms:created", ())) if at), None)
    people = [
        Contribution(person, role, created if role is Role.AUTHOR else None, "front matter")
        for name, value in found.items()
        if (role := _ROLE_OF.get(name)) is not None
        for person in _people(value)
    ]
    language = str(found.get("lang") or found.get("language") or "")[:2].lower()
    return Front(properties, distinct(people), language if language.isalpha() else "")


def _people(value: Any) -> list[Identity]:
    if isinstance(value, str):
        return list(identities(value))
    if isinstance(value, list):
        return [person for one in value[:100] for person in _people(one)]
    if isinstance(value, Mapping):
        name, address = value.get("name"), value.get("email") or value.get("mail") or ""
        try:
            return [Identity(name=str(name or ""), address=str(address).lower())] if name or address else []
        except InvalidInput:
            return []
    return []
