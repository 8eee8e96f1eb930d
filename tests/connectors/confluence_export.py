"""What the tests' Confluence writes as an XML export of its spaces, in the form that Confluence itself writes."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from tests.connectors.confluence import FakeConfluence, Item

_CLASSES = {"page": "Page", "blogpost": "BlogPost", "comment": "Comment", "attachment": "Attachment"}
_OF = "com.atlassian.confluence"


def write(wiki: FakeConfluence, path: Path) -> Path:
    """Export everything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("exportDescriptor.properties", "exportType=space\n")
        packed.writestr("entities.xml", text(wiki))
        for item in wiki.items.values():
            if item.kind == "attachment":
                packed.writestr(f"attachments/{item.parent}/{item.id}/{item.version}", item.body)
    return path


def text(wiki: FakeConfluence) -> str:
    """The file ``entities.xml``."""
    parts = [*_people(wiki), *_spaces(wiki)]
    for item in wiki.items.values():
        parts += _content(wiki, item)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<hibernate-generic datetime="2024-03-30 09:00:00">\n'
        + "\n".join(parts)
        + "\n</hibernate-generic>\n"
    )


def thing(kind: str, number: str, *inside: str, key: str = "id") -> str:
    return f'<object class="{kind}" package="{_OF}"><id name="{key}">{number}</id>{"".join(inside)}</object>'


def value(name: str, what: object) -> str:
    return f"<property name={quoteattr(name)}>{_data(str(what))}</property>"


def refers(name: str, kind: str, number: str, key: str = "id") -> str:
    return f'<property name="{name}" class="{kind}" package="{_OF}"><id name="{key}">{_data(number)}</id></property>'


def holds(name: str, kind: str, *numbers: str) -> str:
    inside = "".join(
        f'<element class="{kind}" package="{_OF}"><id name="id">{each}</id></element>' for each in numbers
    )
    return f'<collection name="{name}" class="java.util.Collection">{inside}</collection>'


def _data(told: str) -> str:
    """As Confluence nests a CDATA section in one: its end is damaged on purpose."""
    return f"<![CDATA[{told.replace(']]', ']] ')}]]>"


def _people(wiki: FakeConfluence) -> Iterator[str]:
    for number, user in wiki.users.items():
        name = user.get("username", number)
        yield thing(
            "ConfluenceUserImpl", number, value("name", name), value("lowerName", name.lower()), key="key"
        )
        mail = user.get("email") or f"{name}@x.example"
        yield thing(
            "InternalUser",
            f"9{number}",
            value("name", name),
            value("displayName", user["displayName"]),
            value("emailAddress", mail),
        )


def _spaces(wiki: FakeConfluence) -> Iterator[str]:
    for at, (key, viewers) in enumerate(wiki.spaces.items()):
        number = str(9_000 + at)
        yield thing("Space", number, value("key", key), value("name", key.title()))
        if key in wiki.secret_spaces:
            continue
        for each, who in enumerate(viewers):
            kind, _, name = who.partition(":")
            subject = {
                "group": value("group", name),
                "user": refers("userSubject", "ConfluenceUserImpl", name, "key"),
            }.get(kind, value("allUsersSubject", "anonymous-users"))
            yield thing(
                "SpacePermission",
                f"8{at}{each}",
                value("type", "VIEWSPACE"),
                subject,
                refers("space", "Space", number),
            )
        yield thing(
            "SpacePermission",
            f"7{at}",
            value("type", "EDITSPACE"),
            value("group", "admins"),
            refers("space", "Space", number),
        )


def _content(wiki: FakeConfluence, item: Item) -> Iterator[str]:
    kind = _CLASSES[item.kind]
    by = (item.editors or [item.by])[-1]
    made = wiki.content(item, {"version", "history"})
    about = [
        value("title", item.title),
        value("version", item.version),
        value("contentStatus", "deleted" if item.trashed else "current"),
        refers("creator", "ConfluenceUserImpl", item.by, "key"),
        refers("lastModifier", "ConfluenceUserImpl", by, "key"),
        value("creationDate", _moment(made["history"]["createdDate"])),
        value("lastModificationDate", _moment(made["version"]["when"])),
        refers("space", "Space", str(9_000 + list(wiki.spaces).index(item.space))),
    ]
    if item.kind in ("page", "blogpost") and item.parent:
        about.append(refers("parent", "Page", item.parent))
    if item.kind in ("comment", "attachment"):
        there = wiki.container(item)
        about.append(refers("containerContent", _CLASSES[there.kind], there.id))
        if item.kind == "comment" and there.id != item.parent:
            about.append(refers("parent", "Comment", item.parent))
    restricted = [("u", each) for each in item.users] + [("g", each) for each in item.groups]
    if restricted:
        about.append(holds("contentPermissionSets", "ContentPermissionSet", f"5{item.id}"))
        # One side says what belongs to what, as a different version of Confluence would have it.
        owner = [] if int(item.id) % 2 else [refers("owningContent", kind, item.id)]
        numbers = [f"6{item.id}{at}" for at in range(len(restricted))]
        yield thing(
            "ContentPermissionSet",
            f"5{item.id}",
            value("type", "View"),
            *owner,
            holds("contentPermissions", "ContentPermission", *numbers),
        )
        yield thing(
            "ContentPermissionSet",
            f"4{item.id}",
            value("type", "Edit"),
            refers("owningContent", kind, item.id),
        )
        for number, (whom, name) in zip(numbers, restricted, strict=True):
            subject = (
                refers("userSubject", "ConfluenceUserImpl", name, "key")
                if whom == "u"
                else value("groupName", name)
            )
            belongs = [refers("owningSet", "ContentPermissionSet", f"5{item.id}")] if int(item.id) % 3 else []
            yield thing("ContentPermission", number, value("type", "View"), subject, *belongs)
    for at, each in enumerate([item.by, *item.editors][:-1]):
        old = [
            refers("originalVersion", kind, item.id),
            refers("lastModifier", "ConfluenceUserImpl", each, "key"),
            value("version", at + 1),
        ]
        yield thing(
            kind, f"3{item.id}{at}", value("title", item.title), value("contentStatus", "current"), *old
        )
        yield thing(
            "BodyContent",
            f"2{item.id}{at}",
            value("body", "older words"),
            refers("content", kind, f"3{item.id}{at}"),
            value("bodyType", 2),
        )
    yield thing(kind, item.id, *about)
    if item.kind == "attachment":
        for name, told in (("FILESIZE", len(item.body)), ("MEDIA_TYPE", "text/plain")):
            what = value("longValue" if name == "FILESIZE" else "stringValue", told)
            yield thing(
                "ContentProperty",
                f"1{item.id}{name}",
                value("name", name),
                what,
                refers("content", kind, item.id),
            )
    else:
        words = item.body.decode("utf-8", "replace")
        yield thing(
            "BodyContent",
            f"2{item.id}",
            value("body", words),
            refers("content", kind, item.id),
            value("bodyType", 2),
        )
    if item.about:
        selected = [value("name", "inline-original-selection"), value("stringValue", item.about)]
        yield thing("ContentProperty", f"1{item.id}s", *selected, refers("content", kind, item.id))


def _moment(told: str) -> str:
    return told.replace("T", " ").removesuffix("Z")
