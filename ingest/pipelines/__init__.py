"""The ingest pipelines, as data: read with only our own packages allowed."""

from importlib.resources import files

from haystack import Pipeline

ALLOWED = ["ingest.*", "memory.*"]
"""The modules a pipeline may name: a file that names another is refused."""


def load(name: str) -> Pipeline:
    """One of the shipped pipelines, ready to run.

    :param name: ``words`` or ``vectors``.
    """
    text = files("ingest.pipelines").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    pipeline = Pipeline.loads(text, allowed_modules=ALLOWED)
    pipeline.warm_up()
    return pipeline
