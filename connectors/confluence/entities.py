"""The file ``entities.xml`` of a Confluence export, object by object, without ever being held.

It is a flat list of what Confluence's database has (`hibernate-generic`)::

    <object class="Page" package="com.atlassian.confluence.pages"><id name="id">65538</id>
      <property name="title"><![CDATA[Terms]]></property>
      <property name="space" class="Space" package="com.atlassian.confluence.spaces"><id name="id">98305</id></property>
      <collection name="bodyContents" class="java.util.Collection"><element class="BodyContent"><id name="id">65539</id></element></collection>
    </object>

A document type, and with it any entity, is refused: Confluence writes none.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.parsers import expat

from memory.errors import SourceError

_HEAD = 65_536
NO_EXPORT = "Export the space again, as XML: Space settings, Export space, XML."


@dataclass(frozen=True, slots=True)
class Entity:
    """One object of the database.

    :param values: its properties; of another object, that one's id.
    :param lists: its collections, by the ids of what is in them.
    """

    kind: str
    id: str
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)

    def text(self, *names: str) -> str:
        """The first of these properties that has a value; versions of Confluence differ in their names."""
        return next((value for name in names if (value := self.values.get(name, ""))), "")


def entities(opened: Callable[[], BinaryIO], name: str) -> Iterator[Entity]:
    """Every object of an export.

    :param opened: opens the file anew.
    :param name: of the file, for messages.
    :raises SourceError: where it is broken, breaks off, or is none.
    """
    from lxml import etree

    found = 0
    try:
        with opened() as file:
            if not _begins_well(file.read(_HEAD)):
                raise SourceError(f"{name} is no export of a Confluence.", hint=NO_EXPORT)
        with opened() as file:
            for _, node in etree.iterparse(
                file,
                events=("end",),
                tag="object",
                resolve_entities=False,
                no_network=True,
                huge_tree=True,
                remove_comments=True,
            ):
                found += 1
                yield _entity(node)
                node.clear()
                while node.getprevious() is not None:
                    del node.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise SourceError(
            f"{name} is broken or breaks off, in line {error.lineno or 0:,}.", hint=NO_EXPORT
        ) from error
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror or error}.", hint=NO_EXPORT) from error
    if not found:
        raise SourceError(f"{name} is no export of a Confluence.", hint=NO_EXPORT)


def _begins_well(head: bytes) -> bool:
    """Whether a file begins with the one element that an export has, and with no document type, whose entities could grow without bounds."""
    met: list[str] = []
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: met.append("")
    parser.StartElementHandler = lambda name, _: met.append(name)
    # Whatever is wrong further on, the reading of it says; an encoding of no name is a LookupError.
    with suppress(expat.ExpatError, LookupError, ValueError):
        parser.Parse(head, False)
    return met[:1] == ["hibernate-generic"]


def _entity(node: Any) -> Entity:
    made = Entity(node.get("class", ""), _text(node.find("id")))
    for child in node:
        name = child.get("name", "")
        if child.tag == "property":
            reference = child.find("id")
            made.values[name] = _text(child if reference is None else reference)
        elif child.tag == "collection":
            made.lists[name] = [_text(each.find("id")) for each in child.findall("element")]
    return made


def _text(node: Any) -> str:
    # The end of a CDATA section within one is written with a blank, so that it does not end it.
    return "".join(node.itertext()).replace("]] ", "]]") if node is not None else ""
