"""The pages of people: from JSON to what the templates need, in the reader's language."""

from typing import Any

from api.page_text import Json
from api.page_views import facts_view, person_view
from api.pages import Pages
from api.wording import msg

PEOPLE_PAGE = 50
"""People on a page of their list."""

_REASONS = {
    "same_name": msg("the same name"),
    "same_middle_name": msg("the same middle name"),
    "middle_name": msg("the same name, once with a middle name"),
    "short_form": msg("a short form of the same name"),
    "longer_surname": msg("the same name, once with a second surname"),
    "handle": msg("a user name made of the name"),
    "initial": msg("the same name, once as an initial"),
    "rare_surname": msg("a rare surname"),
    "ordinary_surname": msg("a surname few have here"),
    "common_surname": msg("a common surname, which says little"),
    "only_bearer": msg("nobody else here is called that"),
    "others_fit": msg("others are called that too"),
    "signature": msg("a signature gives both"),
    "same_document": msg("both are named in one document"),
    "same_thread": msg("both wrote in one thread"),
    "same_company": msg("both work with the same people"),
    "write_to_each_other": msg("they write to each other"),
    "same_domain": msg("both addresses are of one organisation"),
    "numbered_twins": msg("the addresses differ only by a number"),
    "both_spelt": msg("both addresses spell the name"),
    "spelt": msg("the address spells the name"),
}
_MADE_BY = {
    "hand": msg("joined by hand"),
    "directory": msg("the directory says so"),
    "exact": msg("one document gives both"),
    "evidence": msg("joined by evidence"),
}
_ACTIONS = {
    "merge": msg("merged"),
    "split": msg("split"),
    "not me": msg("named somebody else"),
    "rename": msg("renamed"),
    "undo": msg("undone"),
}


def people_page(pages: Pages, found: Json, page: int = 1, *, asker: str = "") -> str:
    """A list of people.

    :param found: one person more than a page has, where there is another page.
    """
    rows = [person_view(each) | {"documents": each["documents"]} for each in found["people"]]
    values = {"asked": str(found["query"]), "rows": rows[:PEOPLE_PAGE], "page": page}
    return pages.render("people.html", asker, **values, more=len(rows) > PEOPLE_PAGE, here="people")


def person_page(pages: Pages, person: Json, *, asker: str = "") -> str:
    """A person: names and addresses, roles, years, company, topics, and the documents the asker may see."""
    documents = [
        facts_view(each)
        | {"id": str(each["document"]), "role": str(each.get("role") or ""), "at": each.get("at")}
        for each in person.get("documents") or ()
    ]
    identities = [
        {name: str(each.get(name) or "") for name in ("name", "address", "account")}
        | {"id": each.get("id") or 0}
        for each in person.get("identities") or ()
    ]
    company = [person_view(each) | {"documents": each["documents"]} for each in person.get("company") or ()]
    values: dict[str, Any] = {
        "person": person_view(person),
        "shared": bool(person.get("shared")),
        "department": str(person.get("department") or ""),
        "managers": [person_view(each) for each in person.get("managers") or ()],
        "left": bool(person.get("left")),
        "identities": identities,
        "roles": sorted((person.get("roles") or {}).items(), key=lambda role: (-role[1], role[0])),
        "years": list((person.get("years") or {}).items()),
        "answered": person.get("answered") or 0,
        "company": company,
        "topics": [topic for topic in map(str, person.get("topics") or ()) if topic.strip()],
        "documents": documents,
        "may": {"decide": False, "not_me": False} | dict(person.get("may") or {}),
        "joined": [_joined(each, pages) for each in person.get("joined") or ()],
        "trail": [_decision(each, pages) for each in person.get("trail") or ()],
    }
    return pages.render("person.html", asker, **values)


def _joined(told: Json, pages: Pages) -> dict[str, Any]:
    said = [pages.words.term(_REASONS[str(each["code"])]) for each in told.get("reasons") or ()]
    how = pages.words.term(_MADE_BY[str(told["made_by"])])
    return {"one": str(told["one"]), "other": str(told["other"]), "how": how, "reasons": said}


def _decision(told: Json, pages: Pages) -> dict[str, Any]:
    what = pages.words.term(_ACTIONS[str(told["action"])])
    return {
        "id": told["id"],
        "at": told["at"],
        "by": pages.words.term(str(told["by"])) if told["by"] == "owner" else str(told["by"]),
        "what": what,
        "left": ", ".join(map(str, told["left"])),
        "right": ", ".join(map(str, told["right"])),
        "reason": str(told["reason"]),
        "value": str(told["value"]) if told["action"] == "rename" else "",
        "open": not told["undone"] and told["action"] != "undo",
    }
