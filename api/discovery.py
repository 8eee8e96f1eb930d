"""What leads on from a search or a document: the whole list, other versions, what is similar, what differs."""

from collections.abc import Callable, Iterator
from typing import Any

from api.compare import Block, compare
from api.wiring import NAME
from api.witness import saw, tell
from memory.catalogue.alike import Version
from memory.catalogue.catalogue import Catalogue
from memory.domain import Asker, Document
from search.similar import similar
from search.whole import Listed, WholeList


class Discovery:
    """Answers for a memory, always within what the asker may see.

    :param whole: gives the pipeline that lists all that a search finds; asked only where a list is.
    """

    def __init__(self, catalogue: Catalogue, whole: Callable[[], WholeList]) -> None:
        self._catalogue = catalogue
        self._whole = whole

    def count(self, query: str, asker: Asker) -> int:
        """Exactly how many documents a search finds."""
        tell(query=query)
        return self._whole().count(query, asker)

    def rows(self, query: str, asker: Asker) -> Iterator[Listed]:
        """The whole list of what a search finds."""
        tell(query=query, whole=True)
        return self._noted(self._whole().rows(query, asker))

    def _noted(self, rows: Iterator[Listed]) -> Iterator[Listed]:
        for row in rows:
            saw([row.card.document])
            yield row

    def versions(self, document: str, asker: Asker) -> list[dict[str, Any]]:
        """The other versions and near-duplicates of a document.

        :raises NotFound: where there is no such document, or the asker may not see it.
        """
        self._catalogue.documents.get(document, asker)
        found = self._catalogue.alike.of([document], asker).get(document, [])
        saw(each.document for each in found)
        return [_version(each) for each in found]

    def fold(self, answer: dict[str, Any], asker: Asker, *, apart: bool = False) -> dict[str, Any]:
        """An answer whose results name their other versions; on a page, versions stand under the best of them.

        :param apart: leave each in its own place.
        """
        results = answer["results"]
        known = self._catalogue.alike.of([result["document"] for result in results], asker)
        under: dict[str, str] = {}
        kept = []
        for result in results:
            document = result["document"]
            if not apart and document in under:
                continue
            versions = [_version(each) for each in known.get(document, [])]
            under.update((each["document"], document) for each in versions)
            kept.append(result | {"versions": versions})
        return answer | {"results": kept, "folded": len(results) - len(kept)}

    def similar(self, document: str, asker: Asker, limit: int) -> list[dict[str, Any]]:
        """The documents nearest in meaning to one."""
        found = similar(NAME, document, asker, limit)
        saw(each.card.document for each in found)
        return [
            {
                "document": each.card.document,
                "title": each.card.title,
                "source": each.card.source,
                "type": each.card.type,
                "language": each.card.language,
                "modified": each.card.modified and each.card.modified.isoformat(),
                "formality": each.card.formality.value,
                "score": each.score,
            }
            for each in found
        ]

    def compare(self, one: str, two: str, asker: Asker) -> dict[str, Any]:
        """What differs between two documents, the older one first where both have a date.

        :raises NotFound: where there is none such, or the asker may not see it.
        """
        documents = self._catalogue.documents
        older, newer = documents.get(one, asker), documents.get(two, asker)
        if older.modified and newer.modified and older.modified > newer.modified:
            older, newer = newer, older
        saw([one, two])
        blocks = compare(documents.text(older.id), documents.text(newer.id))
        told = [_block(block) for block in blocks]
        return {"older": _facts(older), "newer": _facts(newer), "blocks": told}


def _block(block: Block) -> dict[str, Any]:
    pieces = [{"kind": piece.kind, "text": piece.text} for piece in block.pieces]
    return {"changed": block.changed, "pieces": pieces}


def _facts(document: Document) -> dict[str, Any]:
    modified = document.modified and document.modified.isoformat()
    return {"document": document.id, "title": document.title, "ref": str(document.ref), "modified": modified}


def _version(version: Version) -> dict[str, Any]:
    return {
        "document": version.document,
        "title": version.title,
        "ref": version.ref,
        "modified": version.modified and version.modified.isoformat(),
        "share": round(version.share, 3),
    }
