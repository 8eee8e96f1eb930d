"""Which pipeline answers searches: the shipped one, or one that has passed the gate and was promoted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from api.settings import Settings
from api.wiring import Memory
from eval.pipelines import Setup, digest, fusion_of, read_pipeline, with_fusion
from eval.promotion import Passes
from memory.errors import InvalidInput
from search.pipeline import HYBRID, load_pipeline

T = TypeVar("T")

_META = "pipeline"
SHIPPED = "hybrid"
"""The name of the pipeline that searches unless another was promoted."""


@dataclass(frozen=True, slots=True)
class ActivePipeline:
    """The pipeline that answers searches.

    :param text: its YAML.
    :param promoted: when, and by which pass of the gate; None for the shipped one.
    """

    name: str
    text: str
    promoted: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"name": self.name, "pipeline": self.text, "promoted": self.promoted}


def bench_folder(settings: Settings) -> Path:
    """Where the bench keeps what it made: memories of collections, vectors, results, passes of the gate."""
    return settings.home / "eval"


def active_pipeline(memory: Memory) -> ActivePipeline:
    """The pipeline that answers searches in a memory."""
    if known := memory.catalogue.get_meta(_META):
        return ActivePipeline(known["name"], known["text"], known["promoted"])
    return ActivePipeline(SHIPPED, shipped_pipeline(memory.settings))


def shipped_pipeline(settings: Settings) -> str:
    """The shipped pipeline as the settings want it."""
    text, weight = read_pipeline(HYBRID), settings.search.weight
    return text if fusion_of(text).weight == weight else with_fusion(text, weight=weight)


def promote(memory: Memory, name: str, text: str, *, ungated: bool = False) -> ActivePipeline:
    """Have another pipeline answer searches from now on; an empty text: the shipped one, which needs no pass.

    :param ungated: promote it though it has not passed the gate, which is noted.
    :raises InvalidInput: where it is no search pipeline.
    :raises NotPromoted: where it has not passed the gate with this memory's model, against what is in use.
    """
    if not text:
        memory.catalogue.set_meta(_META, None)
        return active_pipeline(memory)
    load_pipeline(text)
    note: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "gate": None}
    if not ungated:
        note["gate"] = _need_pass(memory, name, text)["decision"]
    memory.catalogue.set_meta(_META, {"name": name, "text": text, "promoted": note})
    return active_pipeline(memory)


def need_pass_of_model(memory: Memory) -> None:
    """Refuse to make the index by another model that has not passed the gate; a memory without vectors may take any.

    :raises NotPromoted: where it has not.
    """
    known = memory.catalogue.get_meta("model")
    if (
        not known
        or known["setting"] == memory.spec.model
        or not memory.catalogue.passages.progress().by_meaning
    ):
        return
    identity = memory.passage_embedder.identity
    if identity.digest == known["digest"]:
        return
    active = digest(active_pipeline(memory).text)
    Passes(bench_folder(memory.settings)).need(
        Setup(active, identity.digest),
        Setup(active, known["digest"]),
        f"The embedding model {memory.spec.model}",
        f"Set MNEME_EMBEDDING__MODEL={known['setting']} and run `mneme eval gate --baseline active --candidate active"
        f" --candidate-model {memory.spec.model} --collection DIR`, then set it back; or give --ungated.",
    )


def _need_pass(memory: Memory, name: str, text: str) -> dict[str, Any]:
    model = memory.identity().digest
    return Passes(bench_folder(memory.settings)).need(
        Setup(digest(text), model),
        Setup(digest(active_pipeline(memory).text), model),
        f"The pipeline {name}",
        f"Run `mneme eval gate --baseline active --candidate {name} --collection DIR`, or give --ungated.",
    )


def built(memory: Memory, build: Callable[[str], T]) -> T:
    """What searches through the pipeline that answers searches.

    :param build: makes it from the pipeline's YAML.
    :raises InvalidInput: where this version cannot build that pipeline any more.
    """
    active = active_pipeline(memory)
    try:
        return build(active.text)
    except InvalidInput as error:
        raise InvalidInput(
            f"The promoted pipeline {active.name} cannot be built: {error.message}",
            hint="`mneme eval promote hybrid` goes back to the shipped one.",
        ) from error
