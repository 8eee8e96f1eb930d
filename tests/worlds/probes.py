"""What every route is asked, and what the oracle says it must answer.

`PROBES` has an entry for each route of the service: a function that asks it, or a word on why it shows nothing of
documents. A route that is missing here fails `tests/worlds/test_worlds.py`.
"""

import random
from collections.abc import Callable

from api.roles import Permission
from api.rules import RULES
from tests.worlds.asked_of_documents import (
    compare,
    count,
    document,
    export,
    original,
    scan,
    search,
    search_page,
    similar,
    thread,
)
from tests.worlds.asked_of_people import (
    asked_often,
    decisions,
    judging,
    people,
    person,
    saved,
    saved_by_page,
    told_to_all,
    vote,
    why,
)
from tests.worlds.opened import DOES, Opened
from tests.worlds.probe import Probe
from tests.worlds.world import Person

LOGIN = "is not there where nobody logs in by a page"

Asking = Callable[[Probe], None]

PROBES: dict[str, Asking | str] = {
    "GET /": search_page,
    "GET /api/search": search,
    "GET /api/search/count": count,
    "GET /api/search/export": export,
    "GET /api/documents/{document}": document,
    "GET /documents/{document}": document,
    "GET /api/documents/{document}/original": original,
    "GET /api/documents/{document}/pages/{page}": scan,
    "GET /api/documents/{document}/pages/{page}/picture": scan,
    "GET /documents/{document}/pages/{page}": scan,
    "GET /api/documents/{document}/similar": similar,
    "GET /documents/{document}/similar": similar,
    "GET /api/documents/{document}/versions": similar,
    "GET /api/documents/{document}/compare/{other}": compare,
    "GET /documents/{document}/compare/{other}": compare,
    "GET /api/documents/{document}/thread": thread,
    "GET /documents/{document}/thread": thread,
    "GET /api/people": people,
    "GET /people": people,
    "GET /api/people/{person_id}": person,
    "GET /people/{person_id}": person,
    "GET /api/saved": saved,
    "POST /api/saved": saved,
    "POST /api/saved/{identity}/look": saved,
    "DELETE /api/saved/{identity}": saved,
    "GET /saved": saved,
    "GET /saved/{identity}/feed": saved,
    "POST /saved": saved_by_page,
    "POST /saved/{identity}/look": saved_by_page,
    "POST /saved/{identity}/remove": saved_by_page,
    "GET /api/why": why,
    "GET /why": why,
    "GET /api/judging/pools": judging,
    "POST /api/judging/pools": judging,
    "DELETE /api/judging/pools/{name}": judging,
    "GET /api/judging/pools/{name}/qrels": judging,
    "GET /judging": judging,
    "GET /judging/{name}": judging,
    "POST /judging/{name}": judging,
    "GET /judging/{name}/settle": judging,
    "POST /judging/{name}/settle": judging,
    "POST /api/documents/{document}/vote": vote,
    "POST /documents/{document}/vote": vote,
    "POST /api/people/{person_id}/merge": decisions,
    "POST /api/people/{person_id}/split": decisions,
    "POST /api/people/{person_id}/name": decisions,
    "POST /api/people/{person_id}/not-me": decisions,
    "POST /api/people/decisions/{decision}/undo": decisions,
    "POST /people/{person_id}/merge": decisions,
    "POST /people/{person_id}/split": decisions,
    "POST /people/{person_id}/name": decisions,
    "POST /people/{person_id}/not-me": decisions,
    "POST /people/{person_id}/undo": decisions,
    "GET /api/eval/sample": asked_often,
    "GET /api/eval/active": told_to_all,
    "GET /openapi.json": told_to_all,
    "GET /healthz": told_to_all,
    "GET /readyz": told_to_all,
    "GET /password": LOGIN,
    "POST /password": LOGIN,
    "POST /logout": LOGIN,
    "GET /login": LOGIN,
    "POST /login": LOGIN,
    "GET /login/oidc": LOGIN,
    "GET /login/return": LOGIN,
}
"""By method and path as `api/rules.py` has them; routes that need more than `DOES` are added below."""


def refused(method: str, path: str) -> Asking:
    """A route for those only whom SECURITY.md says more is revealed to: to all others it says so and nothing else."""

    def ask(p: Probe) -> None:
        filled = (
            path.replace("{document:path}", "x").replace("{", "").replace("}", "").replace("action", "check")
        )
        answer = p.ask(filled, method, again=False, **({} if method == "GET" else {"json": {}}))
        assert answer.status_code == 403, (method, path, answer.status_code)

    return ask


def all_probes() -> dict[tuple[str, str], Asking | str]:
    """What is to be asked of each route."""
    known = {
        (method, path): asked for name, asked in PROBES.items() for method, _, path in [name.partition(" ")]
    }
    more = {at for at, needed in RULES.items() if needed not in DOES}
    return known | {at: refused(*at) for at in more}


def ask_all(
    opened: Opened, people: list[Person], dice: random.Random, *, refusals: bool = False, share: float = 1
) -> set[Asking]:
    """All of it, each by one of these people.

    :param refusals: whether also what is refused to all of them, whatever the world.
    :param share: of all that is to be asked, which part is.
    :return: what was asked.
    """
    done: dict[Asking, None] = {}
    for at, asked in all_probes().items():
        if not isinstance(asked, str) and (refusals or RULES.get(at, Permission.READ) in DOES):
            done[asked] = None
    chosen = [asked for asked in done if dice.random() < share]
    for asked in chosen:
        asked(Probe(opened, dice.choice(people), dice))
    return set(chosen)
