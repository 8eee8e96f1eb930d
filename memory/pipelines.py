"""Running a Haystack pipeline, with our errors."""

from collections.abc import Mapping
from typing import Any

from haystack import Pipeline
from haystack.core.errors import PipelineRuntimeError

from memory.errors import MnemeError


def run(pipeline: Pipeline, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What the last components of a pipeline give, by their names.

    :param inputs: what goes to which component, by its name.
    :raises MnemeError: what a component raised; Haystack wraps it, and ours says what to do.
    """
    try:
        return pipeline.run(dict(inputs))
    except PipelineRuntimeError as error:
        if isinstance(error.__cause__, MnemeError):
            raise error.__cause__ from None
        raise
