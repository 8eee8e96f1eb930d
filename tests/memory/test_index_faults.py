"""What the embedded index does when things go wrong: real processes, real damage."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from memory.domain import OWNER, Access
from memory.errors import DiskFull, IndexUnavailable, MemoryInUse, ModelMismatch
from memory.index.base import Filters, LegQuery, SparseWords
from memory.index.edge import EdgeIndex
from memory.index.server import ServerIndex
from memory.testing import MODEL, entry, found, unit, words
from tests.small_disk import mounted, resize

HEAD = """
    import os, signal, sys
    from pathlib import Path
    from memory.index.edge import EdgeIndex
    from memory.testing import MODEL, entry, unit, words
    folder = Path(sys.argv[1])
"""


def child(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(HEAD) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program, str(folder)], check=False, capture_output=True, text=True
    )


def filled(folder: Path) -> None:
    index = EdgeIndex(folder, MODEL)
    index.upsert([entry(number, vector=unit(0)) for number in range(1, 20)])
    index.close()


def test_a_second_process_is_told_that_the_memory_is_in_use(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, MODEL)
    done = child(tmp_path, "EdgeIndex(folder, MODEL)")
    assert "MemoryInUse" in done.stderr
    with pytest.raises(MemoryInUse, match="mneme serve"):
        EdgeIndex(tmp_path, MODEL)
    index.upsert([entry(1)])
    index.close()
    assert child(tmp_path, "assert list(EdgeIndex(folder, MODEL).ids()) == [1]").returncode == 0


def test_what_was_written_survives_a_kill_without_flush(tmp_path: Path) -> None:
    done = child(
        tmp_path,
        """
        index = EdgeIndex(folder, MODEL)
        index.upsert([entry(n, vector=unit(0)) for n in range(1, 700)])
        index.delete([5])
        index.set_words([6], [words(8)])
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert done.returncode == -signal.SIGKILL
    index = EdgeIndex(tmp_path, MODEL)
    assert list(index.ids()) == [number for number in range(1, 700) if number != 5]
    assert found(index.search(LegQuery(words(8)), OWNER)) == [6]
    assert len(index.vectors(range(1, 700))) == 698
    index.close()


def test_a_kill_while_optimising_leaves_the_old_generation(tmp_path: Path) -> None:
    filled(tmp_path)
    done = child(
        tmp_path,
        """
        from memory.index import edge
        def die(made):
            os.kill(os.getpid(), signal.SIGKILL)
        edge.optimise_copy = die
        index = EdgeIndex(folder, MODEL)
        index.upsert([entry(77)])
        index.optimise()
        """,
    )
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "g2.new").exists()
    index = EdgeIndex(tmp_path, MODEL)
    assert list(index.ids()) == [*range(1, 20), 77]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "LOCK", "WRITTEN", "g1"]
    index.close()


def test_a_failed_optimisation_changes_nothing(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, MODEL)
    index.upsert([entry(1)])
    config = tmp_path / "g1" / "edge_config.json"
    kept = config.read_bytes()
    config.write_bytes(b"no longer what was written")  # in the copy the child finds it so
    with pytest.raises(IndexUnavailable, match="works as before"):
        index.optimise()
    config.write_bytes(kept)
    index.upsert([entry(2)])
    assert list(index.ids()) == [1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "LOCK", "g1"]
    index.close()


def test_another_model_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    for other in (replace(MODEL, digest="1" * 64), replace(MODEL, size=16)):
        with pytest.raises(ModelMismatch, match=r"embedding\.model"):
            EdgeIndex(tmp_path, other)
    EdgeIndex(tmp_path, replace(MODEL, name="the same by another name")).close()


def test_another_model_is_refused_by_a_server_too() -> None:
    client = QdrantClient(":memory:")
    ServerIndex(client, "mneme", MODEL)
    with pytest.raises(ModelMismatch, match=r"embedding\.model"):
        ServerIndex(client, "mneme", replace(MODEL, digest="1" * 64))
    client.close()


def test_a_server_that_is_not_there_says_so() -> None:
    client = QdrantClient(host="127.0.0.1", port=9, timeout=1, check_compatibility=False)
    with pytest.raises(IndexUnavailable, match="Qdrant server"):
        ServerIndex(client, "mneme", MODEL)
    client.close()


@pytest.mark.parametrize(
    "damaged", ["CURRENT", "g1/edge_config.json", "g1/wal/open-1", "g1/segments/*/segment.json"]
)
def test_damage_is_seen_and_the_way_out_named(tmp_path: Path, damaged: str) -> None:
    filled(tmp_path)
    for path in tmp_path.glob(damaged):
        path.write_bytes(b"\x07" * 100)
    with pytest.raises(IndexUnavailable, match="doctor --repair"):
        EdgeIndex(tmp_path, MODEL)
    with pytest.raises(IndexUnavailable, match="doctor --repair"):
        EdgeIndex(tmp_path, MODEL)  # and not `MemoryInUse`: the lock was let go


@pytest.mark.parametrize("lost", ["CURRENT", "g1"])
def test_lost_parts_are_no_empty_index(tmp_path: Path, lost: str) -> None:
    filled(tmp_path)
    (tmp_path / lost).rename(tmp_path / "elsewhere")
    with pytest.raises(IndexUnavailable, match="has lost"):
        EdgeIndex(tmp_path, MODEL)


def test_a_full_disk_is_said_before_anything_is_written() -> None:
    with mounted(600) as disk:
        index = EdgeIndex(disk / "index", MODEL)
        index.upsert([entry(1)])
        resize(disk, 300)
        with pytest.raises(DiskFull, match="Free some space"):
            index.upsert([entry(2)])
        with pytest.raises(DiskFull):
            index.optimise()
        assert found(index.search(LegQuery(words(1)), OWNER)) == [1]
        resize(disk, 600)
        index.upsert([entry(2)])
        assert list(index.ids()) == [1, 2]
        index.close()


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path, MODEL)
    index.close()
    with pytest.raises(IndexUnavailable, match="closed"):
        index.search(LegQuery(words(1)), OWNER)
    with pytest.raises(IndexUnavailable, match="closed"):
        index.upsert([entry(1)])


def test_a_refused_write_is_not_half_done(tmp_path: Path) -> None:
    """A vector of the wrong size is an error, and the index goes on."""
    index = EdgeIndex(tmp_path, MODEL)
    index.upsert([entry(1, vector=unit(0))])
    with pytest.raises(IndexUnavailable):
        index.set_vectors([1], unit(0)[None, :4])
    index.close()
    again = EdgeIndex(tmp_path, MODEL)
    assert again.vectors([1])[1] == pytest.approx(unit(0))
    again.close()


def test_the_lock_is_let_go_when_the_process_dies(tmp_path: Path) -> None:
    child(tmp_path, "index = EdgeIndex(folder, MODEL); os._exit(1)")
    EdgeIndex(tmp_path, MODEL).close()
    assert os.access(tmp_path / "LOCK", os.W_OK)


def test_odd_values_are_kept(tmp_path: Path) -> None:
    """Great ids, times before 1970, signs and line breaks in names."""
    index = EdgeIndex(tmp_path, MODEL)
    odd = "a:b/ü \n\"'[]"
    access = Access(frozenset({'group:"x"'}))
    index.upsert(
        [
            entry(
                2**53 + 1,
                "x\x00y",
                document=odd,
                access=access,
                modified=-(2**40),
                words=SparseWords((2**32 - 1,), (0.5,)),
            )
        ]
    )
    assert list(index.ids()) == [2**53 + 1]
    assert index.count(Filters(documents=(odd,), before=0), OWNER) == 1
    assert found(index.search(LegQuery(words(2**32 - 1)), OWNER)) == [2**53 + 1]
    index.close()
