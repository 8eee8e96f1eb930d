"""A directory is taken in whole or not at all, and what is wrong with it is said line by line."""

from pathlib import Path

import pytest

from memory.errors import InvalidInput
from tests.memories import service

HEAD = "name,address,aliases,department,groups\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no columns name and address"),
        ("name,post\nJane,j@x.example\n", "no columns name and address"),
        (HEAD, "names nobody"),
        (HEAD + "Jane,j@x.example,,,group:a=b\n,,,,\nMax,m@x.example,,,\n", "Line 2: .*Line 3: "),
        (HEAD + 'Jane,"j@x.example,,,\n', "Not a CSV file, after line 1"),
        (HEAD + "Jane,j@x.example,,,\nMax,m@x.example,j@x.example,,\nBo,b@x.example,,,\n", "Line 3: "),
    ],
)
def test_what_cannot_be_taken_is_named_and_nobody_is_taken(tmp_path: Path, text: str, said: str) -> None:
    with service(tmp_path) as asked:
        asked.people.import_directory(HEAD + "Max,m@x.example,,Sales,\nJane,j@x.example,,Legal,\n")
        before = asked.memory.catalogue.people.departments(), asked.memory.catalogue.people.names()
        with pytest.raises(InvalidInput, match=said):
            asked.people.import_directory(text)
        assert (asked.memory.catalogue.people.departments(), asked.memory.catalogue.people.names()) == before
        assert asked.people.import_directory(HEAD + "Bo,b@x.example,,,\n") == {"imported": 1}
