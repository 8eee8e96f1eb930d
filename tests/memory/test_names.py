"""Names as people write them."""

import pytest

from memory.people.names import display_name, name_key


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Doe, Jane", "Jane Doe"),
        ('"Doe, Jane"', "Jane Doe"),
        ("  Jane   Doe ", "Jane Doe"),
        ("Jane Doe, PhD", "Jane Doe, PhD"),
        ("", ""),
    ],
)
def test_a_name_is_shown_as_it_is_spoken(written: str, shown: str) -> None:
    assert display_name(written) == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Doe, Jane", "jane doe"),
        ("Dr. Jonas Brandt", "Jonas Brandt"),
        ("Mette Kjærgaard", "mette kjaergaard"),
        ("JÜRGEN STRAẞE", "Jürgen Strasse"),
        ("Vasseur, Claire", "VASSEUR Claire".title().split()[1] + " Vasseur"),
    ],
)
def test_spellings_of_one_name_share_a_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_an_initial_is_not_a_first_name() -> None:
    assert name_key("J. Doe") != name_key("Jane Doe")


def test_a_title_alone_still_is_a_name() -> None:
    assert name_key("Prof") == "prof"
