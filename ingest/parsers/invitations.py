"""Calendar invitations (RFC 5545) as text: what, when, where, and who."""

from datetime import date, datetime
from typing import Any

from ingest.parsers.base import Element, ElementKind
from ingest.parsers.typed import clean
from memory.domain import Contribution, Identity, Role

EVIDENCE = "calendar invitation"
_MAX_EVENTS = 50


def invitation(text: str) -> tuple[list[Element], list[Contribution]]:
    """The events of a calendar part; what cannot be read as one is kept as text."""
    import icalendar

    try:
        calendar = icalendar.Calendar.from_ical(text)
        events = [part for part in calendar.walk() if part.name in ("VEVENT", "VTODO")][:_MAX_EVENTS]
        read = [_event(event) for event in events]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        read = []
    if not read:
        plain = clean(text)
        return ([Element(ElementKind.TEXT, plain)] if plain else []), []
    return [element for element, _ in read if element.text], [part for _, people in read for part in people]


def _event(event: Any) -> tuple[Element, list[Contribution]]:
    begins, ends = _moment(event, "DTSTART"), _moment(event, "DTEND")
    lines = [
        str(event.get("SUMMARY") or ""),
        f"{begins} – {ends}" if begins and ends else begins,
        str(event.get("LOCATION") or ""),
        str(event.get("DESCRIPTION") or ""),
    ]
    people = [
        *_people(event.get("ORGANIZER"), Role.OWNER),
        *_people(event.get("ATTENDEE"), Role.RECIPIENT),
    ]
    return Element(ElementKind.TEXT, clean("\n".join(line.strip() for line in lines if line.strip()))), people


def _moment(event: Any, name: str) -> str:
    value = getattr(event.get(name), "dt", None)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M %Z").strip()
    return value.isoformat() if isinstance(value, date) else ""


def _people(value: Any, role: Role) -> list[Contribution]:
    found = []
    for each in value if isinstance(value, list) else [value] if value else []:
        address = str(each).lower().removeprefix("mailto:")
        name = str(getattr(each, "params", {}).get("CN") or "").strip("\"' ")
        if "@" in address:
            person = Identity(name="" if name.lower() == address else name, address=address)
            found.append(Contribution(person, role, None, EVIDENCE))
    return found
