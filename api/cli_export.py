"""`mneme eval documents` and `export`: collections made of the memory, and written as TREC has them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli_eval import AsJson, Folder, Judgements, eval_app, tell
from api.gateway import connect
from api.settings import Settings, load

if TYPE_CHECKING:
    from eval.collections.model import CorpusDocument

_PAGE = 200


@eval_app.command("documents")
def documents(
    collection: Annotated[
        Path, typer.Option("--collection", help="The folder to write them into; must have none yet.")
    ],
    as_json: AsJson = False,
) -> None:
    """Give a collection the documents of the memory, as they are now.

    It is then measured on these, whatever becomes of the memory, and with any model. They are not protected there.
    """
    from eval.collections.beir import write_documents

    written = 0

    def counted() -> Iterator["CorpusDocument"]:
        nonlocal written
        for document in _documents(load()):
            written += 1
            yield document

    write_documents(collection.expanduser(), counted())
    tell({"documents": written}, as_json, lambda _: typer.echo(f"{written:,} documents are written."))


def _documents(settings: Settings) -> Iterator["CorpusDocument"]:
    from eval.collections.model import CorpusDocument

    after = ""
    with connect(settings, "mneme eval documents") as gateway:
        while page := gateway.call("GET", "/api/eval/documents", params={"after": after, "limit": _PAGE}):
            for one in page:
                known = {name: value for name, value in one["metadata"].items() if value}
                yield CorpusDocument(one["id"], one["text"], one["title"], known)
            after = page[-1]["document"]


@eval_app.command("export")
def export(
    collection: Folder,
    trec: Annotated[Path, typer.Option(help="The folder to write topics.tsv and qrels.txt into.")],
    qrels: Judgements = "",
    as_json: AsJson = False,
) -> None:
    """Write the queries and judgements of a collection as TREC has them."""
    from eval.collections.folder import open_collection
    from eval.collections.trec import write_topics, write_trec_qrels

    opened = open_collection(collection.expanduser(), qrels)
    write_topics(trec / "topics.tsv", opened.queries)
    write_trec_qrels(trec / "qrels.txt", opened.qrels)
    answer = {"queries": len(opened.queries), "judgements": sum(map(len, opened.qrels.values()))}
    tell(
        answer,
        as_json,
        lambda told: typer.echo(f"{told['queries']} topics, {told['judgements']} judgements."),
    )
