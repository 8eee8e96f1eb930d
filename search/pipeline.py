"""Search pipelines as data: a YAML text that names our components and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from haystack import Pipeline
from haystack.core.errors import ComponentError, DeserializationError, PipelineError
from haystack.marshal import YamlMarshaller

from memory.errors import InvalidInput, NotFound

SHIPPED = Path(__file__).parent / "pipelines"
"""The folder of the pipelines that come with Mneme."""

HYBRID = SHIPPED / "hybrid.yaml"
"""By words and by meaning at once: what searches unless told otherwise."""

ALLOWED = ("search.components",)
"""The packages a pipeline may name."""


def load_pipeline(source: Path | str, memory: str = "default") -> Pipeline:
    """A pipeline that searches a memory.

    Haystack's own list of trusted packages holds all of Haystack, which can fetch from the network; here
    a pipeline may name only what `ALLOWED` holds.

    :param source: a YAML file, or the YAML text itself.
    :param memory: the memory's name in the registry, whatever the YAML says.
    :raises NotFound: where there is no such file.
    :raises InvalidInput: where it is no pipeline of ours.
    """
    text = _text(source) if isinstance(source, Path) else source
    try:
        data = YamlMarshaller().unmarshal(text)
    except Exception as error:  # the YAML library raises many kinds, and each means the same
        raise InvalidInput(f"This pipeline is not valid YAML: {error}") from error
    _check(data)
    try:
        pipeline = Pipeline.from_dict(data, allowed_modules=list(ALLOWED))
    except (ComponentError, DeserializationError, PipelineError, TypeError, ValueError) as error:
        raise InvalidInput(f"This pipeline cannot be built: {error}") from error
    for _, instance in pipeline.walk():
        if hasattr(instance, "memory"):
            instance.memory = memory
    return pipeline


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        known = ", ".join(sorted(shipped.stem for shipped in SHIPPED.glob("*.yaml")))
        raise NotFound(f"There is no pipeline {path}.", hint=f"Shipped pipelines: {known}.") from error


def _check(data: Any) -> None:
    """Refuse what names anything but our components, and what hides an object in their parameters."""
    components = data.get("components") if isinstance(data, Mapping) else None
    if not isinstance(components, Mapping) or not components:
        raise InvalidInput("This pipeline has no components.", hint=f"Start from {HYBRID}.")
    for name, made in components.items():
        kind = str(made.get("type", "")) if isinstance(made, Mapping) else ""
        if not any(kind.startswith(f"{package}.") for package in ALLOWED):
            raise InvalidInput(
                f"The component {name} is of type {kind!r}, which a pipeline may not name.",
                hint=f"Use the components of {', '.join(ALLOWED)}.",
            )
        given = made.setdefault("init_parameters", {})
        if not isinstance(given, Mapping) or not all(map(_plain, given.values())):
            raise InvalidInput(f"The component {name} takes plain values only.")


def _plain(value: Any) -> bool:
    return all(map(_plain, value)) if isinstance(value, list) else not isinstance(value, Mapping)
