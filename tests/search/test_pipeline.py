from copy import deepcopy

import pytest
from haystack import Pipeline

from memory.domain import OWNER
from memory.errors import InvalidInput, MnemeError, NotFound
from search.pipeline import ALLOWED, HYBRID, SHIPPED, load_pipeline
from search.request import SearchRequest
from search.searcher import Searcher


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_pipeline_survives_a_round_trip(path):
    pipeline = load_pipeline(path)
    again = load_pipeline(pipeline.dumps())
    assert again.to_dict()["components"] == pipeline.to_dict()["components"]
    assert _joined(again) == _joined(pipeline)
    assert isinstance(Pipeline.loads(pipeline.dumps(), allowed_modules=list(ALLOWED)), Pipeline)


@pytest.mark.parametrize(
    "kind",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "haystack.components.fetchers.link_content.LinkContentFetcher",
        "search.components_of_another.Thing",
        "search.components.present.registry.os.system",
        "search.components.fuse.Nothing",
        "memory.catalogue.catalogue.Catalogue",
    ],
)
def test_a_pipeline_that_names_anything_else_is_refused(kind):
    with pytest.raises(InvalidInput):
        load_pipeline(f"components: {{bad: {{type: {kind}, init_parameters: {{}}}}}}\nconnections: []")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "components: 3",
        "components: {a: 3}",
        "!!python/object/apply:os.system [true]",
        "components: {f: {type: search.components.fuse.Fuse, init_parameters: {weight: 3}}}\nconnections: []",
        "components: {f: {type: search.components.fuse.Fuse, init_parameters: {method: sum}}}\nconnections: []",
        "components: {f: {type: search.components.fuse.Fuse, init_parameters: {other: 1}}}\nconnections: []",
        "components: {f: {type: search.components.group.Group, init_parameters: {passages: {type: os.system}}}}",
        "components: {f: {type: search.components.group.Group, init_parameters: {passages: [{type: x}]}}}",
        "components: {f: {type: search.components.fuse.Fuse}}\nconnections: [{sender: f.x, receiver: g.y}]",
        "components: {f: {type: search.components.fuse.Fuse}}\nconnections: [3]",
    ],
)
def test_what_is_no_pipeline_is_refused(text):
    with pytest.raises(InvalidInput):
        load_pipeline(text)


def test_a_missing_file_names_the_shipped_pipelines():
    with pytest.raises(NotFound) as missing:
        load_pipeline(SHIPPED / "nothing.yaml")
    assert HYBRID.stem in missing.value.hint


def test_the_memory_is_given_to_the_components_whatever_the_yaml_says():
    text = HYBRID.read_text().replace("{memory: default}", "{}")
    pipeline = load_pipeline(text, "other")
    assert {one.memory for _, one in pipeline.walk() if hasattr(one, "memory")} == {"other"}


def test_a_memory_that_is_not_open_says_so():
    with pytest.raises(MnemeError, match="has no Catalogue yet"):
        Searcher("nowhere")


def test_a_pipeline_without_beginning_is_refused():
    text = "components: {f: {type: search.components.group.Group}}\nconnections: []"
    with pytest.raises(InvalidInput, match="takes no request"):
        Searcher("nowhere", load_pipeline(text))


def test_what_flows_is_never_copied():
    request = SearchRequest("x", OWNER)
    assert deepcopy(request) is request


@pytest.mark.parametrize("bounds", [{"limit": 0}, {"limit": 101}, {"offset": -1}])
def test_pages_have_bounds(bounds):
    with pytest.raises(InvalidInput):
        SearchRequest("x", OWNER, **bounds)


def _joined(pipeline: Pipeline) -> list[tuple[str, str]]:
    return sorted((one["sender"], one["receiver"]) for one in pipeline.to_dict()["connections"])
