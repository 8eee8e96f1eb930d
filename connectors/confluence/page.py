"""A page of Confluence as it is handed over: its storage format, what people said about it, and the names of whom it mentions.

The form is that of `ingest/parsers/confluence.py`, which reads it. What a page draws in from elsewhere when it is shown (macros) is not
part of it: the wiki would draw it with the rights of whoever asks here, which are not those of everybody who may see the page.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from connectors.confluence.people import People
from connectors.confluence.shapes import Content, User
from memory.domain import Contribution, Identity, Role
from memory.errors import SourceError

PAGES = ("page", "blogpost")
"""The kinds that are written in the wiki itself."""
EVIDENCE = "page history"
_MENTION = re.compile(r'ri:(?:userkey|account-id)="([^"]{1,128})"')
_MOST_MENTIONS = 500


def written(page: Content, comments: Iterable[Content], people: People) -> bytes:
    """The page as JSON, see `ingest/parsers/confluence.py`.

    :raises SourceError: where the wiki does not tell what is written there.
    """
    said = list(comments)
    storage = storage_of(page)
    texts = [storage, *map(storage_of, said)]
    mentioned = dict.fromkeys(number for text in texts for number in _MENTION.findall(text))
    names = {number: _called(people.user(number)) for number in list(mentioned)[:_MOST_MENTIONS]}
    told = {
        "storage": storage,
        "names": {number: name for number, name in names.items() if name},
        "comments": [_comment(each, people) for each in said],
    }
    # Where these letters stand near its beginning, a file is taken for a PDF.
    return json.dumps(told, ensure_ascii=False).replace("%PDF-", r"\u0025PDF-").encode("utf-8", "replace")


def contributions(page: Content, comments: Iterable[Content], people: People) -> tuple[Contribution, ...]:
    """Whoever made the page is its author, others who published a version of it editors; each comment is its writer's."""
    author, last = page.history.created_by, page.version.by
    found: list[Contribution] = []
    if (identity := people.identity(author)) is not None:
        found.append(Contribution(identity, Role.AUTHOR, page.history.created, EVIDENCE))
    editors = {
        user.id: user for user in (*page.history.contributors.publishers.users, *([last] if last else []))
    }
    for number, user in sorted(editors.items(), key=lambda each: each[0] != (last.id if last else "")):
        if author is not None and number == author.id:
            continue
        if (identity := people.identity(user)) is not None:
            at = page.version.when if last and number == last.id else None
            found.append(Contribution(identity, Role.EDITOR, at, EVIDENCE))
    found += _commenters(comments, people)
    found += _mentioned(page, people)
    return tuple(found)


def storage_of(content: Content) -> str:
    """What is written somewhere.

    :raises SourceError: where the wiki does not tell.
    """
    if content.body.storage is None:
        raise SourceError(f"The wiki does not tell what is written in {content.type} {content.id}.")
    return content.body.storage.value


def _commenters(comments: Iterable[Content], people: People) -> Iterator[Contribution]:
    for each in comments:
        if (identity := people.identity(_by(each))) is not None:
            yield Contribution(identity, Role.COMMENTER, _at(each), "comment", each.id)


def _mentioned(page: Content, people: People) -> Iterator[Contribution]:
    numbers = list(dict.fromkeys(_MENTION.findall(storage_of(page) if page.type in PAGES else "")))
    for number in numbers[:_MOST_MENTIONS]:
        if (identity := people.identity(people.user(number))) is not None:
            yield Contribution(identity, Role.MENTIONED, None, "mention")


def _comment(comment: Content, people: People) -> dict[str, Any]:
    by, at = people.identity(_by(comment)), _at(comment)
    return {
        "id": comment.id,
        "by": _name(by),
        "at": at.isoformat() if at else "",
        "about": comment.extensions.inline.original,
        "storage": storage_of(comment),
    }


def _by(comment: Content) -> User | None:
    return comment.history.created_by or comment.version.by


def _at(comment: Content) -> datetime | None:
    return comment.history.created or comment.version.when


def _called(user: User | None) -> str:
    return (user.display_name or user.public_name or user.username) if user else ""


def _name(identity: Identity | None) -> str:
    return (identity.name or identity.account) if identity else ""
