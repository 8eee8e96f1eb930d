"""The ingest pipelines, as data: read with only our own packages allowed."""

from importlib.resources import files

from haystack import Pipeline

ALLOWED = ["ingest.*", "memory.*"]
"""The modules a pipeline may name: a file that names another is refused."""


def load(name: str, memory: str = "default") -> Pipeline:
    """One of the shipped pipelines, ready to run.

    :param name: ``words`` (from files), ``passages`` (from what was read already) or ``vectors``.
    :param memory: the memory's name in the registry, whatever the YAML says.
    """
    text = files("ingest.pipelines").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    pipeline = Pipeline.loads(text, allowed_modules=ALLOWED)
    for _, component in pipeline.walk():
        if hasattr(component, "memory"):
            component.memory = memory
    pipeline.warm_up()
    return pipeline
