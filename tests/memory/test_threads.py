"""Conversations: the same messages are the same conversation, in whatever order they are met."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.sources import Source
from memory.catalogue.threads import ThreadedMessage
from memory.domain import OWNER, Access, Asker, Document, SourceRef
from tests.memory.conftest import Databases

DAY = datetime(2025, 3, 3, tzinfo=UTC)
PUBLIC = Access(frozenset({"public"}))
JANE, BO, EVE = "jane@x.example", "bo@x.example", "eve@x.example"
_ids = count(1)


@pytest.fixture(scope="module")
def catalogue(databases: Databases, made: str) -> Iterator[Catalogue]:
    opened = Catalogue(databases.copy(made))
    opened.sources.add(Source("mail", "mailbox", "/mail", {}))
    yield opened
    opened.close()


def put(catalogue: Catalogue, message: ThreadedMessage, access: Access = PUBLIC) -> str:
    identity = f"{next(_ids):032x}"
    with catalogue.transaction() as connection:
        thread = catalogue.threads.join(connection, identity, "mail", message)
        document = Document(
            identity,
            SourceRef("mailbox", "mail", identity),
            "x",
            "message/rfc822",
            created=message.at,
            thread=thread,
            access=access,
        )
        catalogue.documents.replace(connection, document, "x", [])
        catalogue.threads.note(connection, identity, message)
    return identity


def thread_of(catalogue: Catalogue, document: str) -> str:
    return catalogue.documents.get(document, OWNER).thread or ""


def mail(
    name: str, *references: str, topic: str = "", loose: bool = False, day: float = 0, people: str = ""
) -> ThreadedMessage:
    held = frozenset((people or f"{JANE} {BO}").split())
    return ThreadedMessage(name, references, topic, loose, DAY + timedelta(days=day), held)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.integers(0, 10**9))
def test_the_order_of_arrival_does_not_matter(catalogue: Catalogue, order: list[int], seed: int) -> None:
    run = f"{seed}-{next(_ids)}"
    parents = {0: [], 1: [0], 2: [0, 1], 3: [9], 4: [9, 3], 5: []}
    put_at = {
        number: put(catalogue, mail(f"{number}@{run}", *(f"{each}@{run}" for each in parents[number])))
        for number in order
    }
    threads = {number: thread_of(catalogue, document) for number, document in put_at.items()}
    assert [threads[number] for number in range(6)] == [f"{name}@{run}" for name in (0, 0, 0, 3, 3, 5)]


@pytest.mark.parametrize("answer_first", [False, True])
def test_a_subject_joins_only_an_answer_to_what_it_can_answer(
    catalogue: Catalogue, answer_first: bool
) -> None:
    topic = f"the lease {next(_ids)}"
    question = mail(f"q{topic}", topic=topic)
    answer = mail(f"a{topic}", topic=topic, loose=True, day=2)
    first, second = (answer, question) if answer_first else (question, answer)
    asked, answered = put(catalogue, first), put(catalogue, second)
    assert thread_of(catalogue, asked) == thread_of(catalogue, answered)
    for other in (
        mail(f"n{topic}", topic=topic, day=1),
        mail(f"l{topic}", topic=topic, loose=True, day=60),
        mail(f"e{topic}", topic=topic, loose=True, day=3, people=EVE),
    ):
        assert (
            thread_of(catalogue, put(catalogue, other)) != thread_of(catalogue, asked) or other.id[0] == "n"
        )


def test_a_conversation_holds_what_the_asker_may_see(catalogue: Catalogue) -> None:
    run = next(_ids)
    first = put(catalogue, mail(f"1-{run}"))
    hidden = put(catalogue, mail(f"2-{run}", f"1-{run}", day=1), Access(frozenset({"group:legal"})))
    last = put(catalogue, mail(f"3-{run}", f"2-{run}", day=2))
    thread = thread_of(catalogue, first)
    assert catalogue.threads.of(thread, OWNER) == [first, hidden, last]
    assert catalogue.threads.of(thread, Asker()) == [first, last]
