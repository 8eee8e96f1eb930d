"""Real documents with named authors: Python Enhancement Proposals, whose index says who wrote each."""

import json
import shutil
from pathlib import Path

import pytest

from memory.domain import OWNER
from tests.memories import add_folder, counts, service, sync

pytestmark = pytest.mark.corpora

EVERY = 12


def test_the_authors_of_proposals_are_found_and_linked(corpora: Path, tmp_path: Path) -> None:
    """Nearly every author is on the document with that role, and `author:` finds what they wrote."""
    index = (corpora / "authors" / "peps.jsonl").read_text(encoding="utf-8").splitlines()
    proposals = [known for known in map(json.loads, index) if known["authors"]][::EVERY]
    files = tmp_path / "files"
    files.mkdir()
    for known in proposals:
        shutil.copy(corpora / "authors" / known["path"], files)
    with service(tmp_path / "home") as asked:
        add_folder(asked, files)
        assert counts(sync(asked, meaning=False)) == {"known": len(proposals), "indexed": len(proposals)}
        missing, unfound, strangers = [], [], []
        ledger = {row.ref.key: row for row in asked.memory.catalogue.ledger.of_source("files")}
        for known in proposals:
            name = Path(known["path"]).name
            written = {author["name"].casefold() for author in known["authors"]}
            document = asked.document(ledger[name].document or "", OWNER)
            linked = {
                link["name"].casefold(): link for link in document["people"] if link["role"] == "author"
            }
            missing += [(name, author) for author in written - set(linked)]
            strangers += [(name, author) for author in set(linked) - written]
            for author in written & set(linked):
                found = asked.search(f'author:"{linked[author]["name"]}"', OWNER, limit=100)
                if document["id"] not in {result["document"] for result in found["results"]}:
                    unfound.append((name, author))
                works = asked.people.show(linked[author]["id"], asker=OWNER, decides=False)["documents"]
                assert document["id"] in {work["document"] for work in works}
    total = sum(len(known["authors"]) for known in proposals)
    assert unfound == []
    assert len(missing) <= 0.03 * total, missing
    assert len(strangers) <= 0.03 * total, strangers
