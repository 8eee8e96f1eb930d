"""Pages, users and permissions of an export of a Confluence, in the shapes that its REST API has."""

from typing import Any

from pydantic import ValidationError

from connectors.confluence.access import EVERYBODY, Viewers
from connectors.confluence.shapes import Content, Group, Space, User
from connectors.confluence.shelf import Shelf
from memory.errors import SourceError

_COLUMNS = "id, kind, title, space, parent, container, version, status, creator, created, modifier, modified"
_DEEPEST = 500
_STORAGE = "2"
"""The body type of the storage format; before Confluence 4 pages were written in a mark-up of its own."""


class Exported:
    """What an export holds. It tells members of no group."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._users: dict[str, User | None] = {}
        self._spaces: dict[str, Space] = {}
        self._restricted: dict[str, dict[str, Any]] = {}

    def forget(self) -> None:
        """The shelf holds another export from here on."""
        for known in (self._users, self._spaces, self._restricted):
            known.clear()

    def content(self, number: str, *, whole: bool = False) -> Content | None:
        """A page, post, comment or file with who may see it; None where there is none.

        :param whole: with its text and everybody who worked on it.
        :raises SourceError: where the export does not say who may see it, or what it says makes no sense.
        """
        row = self._row(number)
        if row is None:
            return None
        told = self._told(row)
        if told["type"] in ("page", "blogpost"):
            above = self._above(row)
            told["space"] = self.space(row["space"])
            told["ancestors"] = [
                {"id": each["id"], "title": each["title"], "restrictions": self._restrictions(each["id"])}
                for each in above
            ]
            told["restrictions"] = self._restrictions(number)
        elif row["container"]:
            there = self._row(row["container"])
            told["container"] = self._told(there) if there else None
        if whole:
            told |= self._whole(row)
        try:
            return Content.model_validate(told)
        except ValidationError as error:
            wrong = ".".join(map(str, error.errors()[0]["loc"]))
            raise SourceError(f"The export has a {wrong} that no Confluence writes.") from error

    def comments(self, number: str) -> list[Content]:
        """What was said about a page, oldest first."""
        rows = self._shelf.rows(
            "SELECT id FROM content WHERE container = ? AND kind = 'comment' AND status = 'current' ORDER BY created, id",
            number,
        )
        return [found for (each,) in rows if (found := self.content(each, whole=True)) is not None]

    def said(self, number: str) -> str:
        """Differs where `comments` does."""
        rows = self._shelf.rows(
            "SELECT id, version FROM content WHERE container = ? AND kind = 'comment' AND status = 'current' ORDER BY id",
            number,
        )
        return ",".join(f"{each}.{version}" for each, version in rows)

    def user(self, number: str) -> User | None:
        """A user by key, or by name where the export is older than keys."""
        if number not in self._users:
            named = self._shelf.rows(
                "SELECT key, name FROM account WHERE key = ? OR name = ?", number, number
            )
            key, name = named[0] if named else ("", number)
            known = self._shelf.rows("SELECT shown, email FROM person WHERE name = ?", name.lower())
            shown, email = known[0] if known else ("", "")
            self._users[number] = (
                User(key=key or name, username=name, display_name=shown, email=email) if name else None
            )
        return self._users[number]

    def members(self, group: str) -> None:
        """Nobody knows: an export of a space has no groups."""
        del group

    def note(self, group: Group) -> None:
        """Groups have no ids here."""

    def space(self, number: str) -> Space:
        """A space by its id.

        :raises SourceError: where the export has none of it.
        """
        if number not in self._spaces:
            rows = self._shelf.rows("SELECT key, name FROM space WHERE id = ?", number)
            if not rows:
                raise SourceError("The export does not say in which space a page lies.")
            self._spaces[number] = Space(id=number, key=rows[0][0], name=rows[0][1])
        return self._spaces[number]

    def viewers(self, space: Space) -> Viewers:
        """Who may view a space.

        :raises SourceError: where the export does not say.
        """
        rows = self._shelf.rows(
            "SELECT user, name, grp, everybody FROM spaceviewer WHERE space = ?", space.id
        )
        if not rows:
            raise SourceError(
                f"The export does not tell who may view the space {space.key}.",
                hint="With --option spaces=source a space is for whoever the source is granted to.",
            )
        found = Viewers()
        for user, name, group, everybody in rows:
            if user or name or group:
                found |= Viewers(frozenset({user or name} - {""}), frozenset({group} - {""}))
            elif everybody in ("", "anonymous-users", "authenticated-users", "all-licensed-users"):
                found |= EVERYBODY
        return found

    def _row(self, number: str) -> dict[str, Any] | None:
        rows = self._shelf.rows(f"SELECT {_COLUMNS} FROM content WHERE id = ?", number)  # noqa: S608 - our own words
        return (
            dict(zip(_COLUMNS.split(", "), rows[0], strict=True))
            if rows and rows[0][7] == "current"
            else None
        )

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        about = dict(self._shelf.rows("SELECT name, value FROM property WHERE content = ?", row["id"]))
        size = about.get("FILESIZE", "")
        return {
            "id": row["id"],
            "type": row["kind"],
            "title": row["title"][:2_000],
            "version": {
                "number": row["version"],
                "when": _moment(row["modified"]),
                "by": self.user(row["modifier"]),
            },
            "extensions": {
                "mediaType": about.get("MEDIA_TYPE", ""),
                "fileSize": int(size) if size.isdigit() else None,
                "inlineProperties": {"originalSelection": about.get("inline-original-selection", "")},
            },
        }

    def _whole(self, row: dict[str, Any]) -> dict[str, Any]:
        bodies = self._shelf.rows("SELECT kind, text FROM body WHERE content = ?", row["id"])
        editors = self._shelf.rows("SELECT DISTINCT by FROM edited WHERE content = ?", row["id"])
        users = [user for (each,) in editors if each and (user := self.user(each)) is not None]
        return {
            "body": {"storage": {"value": "".join(_storage(*each) for each in bodies)}},
            "history": {
                "createdBy": self.user(row["creator"]) if row["creator"] else None,
                "createdDate": _moment(row["created"]),
                "contributors": {"publishers": {"users": users}},
            },
        }

    def _above(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The pages above one, the top first; whoever made the export may have broken it, so that they go round in circles.

        :raises SourceError: where one is missing: then nobody knows who may see what lies beneath.
        """
        found: list[dict[str, Any]] = []
        while row["parent"]:
            above = self._row(row["parent"])
            if above is None or len(found) > _DEEPEST:
                raise SourceError("A page above it is not in the export, so nobody knows who may see it.")
            found.insert(0, above)
            row = above
        return found

    def _restrictions(self, number: str) -> dict[str, Any]:
        if number not in self._restricted:
            self._restricted[number] = self._left_in(number)
        return self._restricted[number]

    def _left_in(self, number: str) -> dict[str, Any]:
        users, groups = list[dict[str, str]](), list[dict[str, str]]()
        for (viewset,) in self._shelf.rows("SELECT id FROM viewset WHERE content = ?", number):
            rows = self._shelf.rows("SELECT user, name, grp FROM viewer WHERE viewset = ?", viewset)
            # A set of nobody known is a restriction all the same.
            users += [{"userKey": user or name} for user, name, group in rows or [("?", "", "")] if not group]
            groups += [{"name": group} for _, _, group in rows if group]
        return {"read": {"restrictions": {"user": {"results": users}, "group": {"results": groups}}}}


def _storage(kind: str, text: str) -> str:
    if kind in (_STORAGE, ""):
        return text
    return f"<ac:structured-macro ac:name='noformat'><ac:plain-text-body>{_escaped(text)}</ac:plain-text-body></ac:structured-macro>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _moment(text: str) -> str | None:
    """``2012-03-07 17:16:48.158`` as ISO 8601: exports tell no zone, Confluence's servers mostly run in UTC."""
    return f"{text.strip().replace(' ', 'T')}+00:00" if text.strip() else None
