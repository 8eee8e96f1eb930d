"""Search pipelines as the bench takes them: YAML texts, told apart by what they say and varied in how they fuse."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from memory.errors import InvalidInput, NotFound
from search.fuse import Method
from search.pipeline import SHIPPED

_FUSE = "search.components.fuse.Fuse"


@dataclass(frozen=True, slots=True)
class Setup:
    """What answers searches: a pipeline over the vectors of a model.

    :param pipeline: see `digest`.
    :param model: the model's digest.
    """

    pipeline: str
    model: str


@dataclass(frozen=True, slots=True)
class Fusion:
    """How a pipeline fuses its legs: what `search.components.fuse.Fuse` takes, with its own names and values."""

    method: Method = "weighed"
    weight: float = 0.45
    half: float = 0.6

    def __str__(self) -> str:
        half = f", half {self.half:g}" if self.method == "weighed" else ""
        return f"{self.method}, weight {self.weight:g}{half}"


def find_pipeline(text: str) -> Path:
    """A pipeline by its file, or a shipped one by its name.

    :raises NotFound: where there is neither.
    """
    path = Path(text).expanduser()
    shipped = SHIPPED / f"{text}.yaml"
    if path.is_file():
        return path
    if shipped.is_file():
        return shipped
    known = ", ".join(sorted(one.stem for one in SHIPPED.glob("*.yaml")))
    raise NotFound(f"There is no pipeline {text}.", hint=f"Give a YAML file, or a shipped one: {known}.")


def read_pipeline(path: Path) -> str:
    """The text of a pipeline's file.

    :raises InvalidInput: where it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The pipeline {path} cannot be read: {error}.") from error


def digest(text: str) -> str:
    """SHA-256 of what a pipeline's YAML says, in hex: comments and layout make no difference.

    :raises InvalidInput: where it is no YAML.
    """
    return hashlib.sha256(json.dumps(_data(text), sort_keys=True, default=str).encode()).hexdigest()


def fusion_of(text: str) -> Fusion:
    """How a pipeline fuses.

    :raises InvalidInput: where it does not, or with parameters that there are not.
    """
    given = _fusions(_data(text))[0].get("init_parameters") or {}
    try:
        return Fusion(**given)
    except TypeError as error:
        raise InvalidInput(f"The fusion of this pipeline takes other parameters: {error}.") from error


def with_fusion(text: str, **parameters: Any) -> str:
    """The same pipeline with other parameters in its fusion, as YAML.

    :raises InvalidInput: where it has none.
    """
    data = _data(text)
    for made in _fusions(data):
        made["init_parameters"] = {**(made.get("init_parameters") or {}), **parameters}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _fusions(data: Any) -> list[dict[str, Any]]:
    components = data.get("components") if isinstance(data, dict) else None
    every = components.values() if isinstance(components, dict) else ()
    found = [made for made in every if isinstance(made, dict) and made.get("type") == _FUSE]
    if not found:
        raise InvalidInput("This pipeline has no fusion.", hint=f"One of its components is of type {_FUSE}.")
    return found


def _data(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidInput(f"This pipeline is not valid YAML: {error}") from error
