"""The report: one page that needs nothing else, and says in tables what its plots draw."""

import json
import re
from pathlib import Path

import html5lib
import pytest

from eval.bench import Bench
from eval.collections.folder import open_collection
from eval.pipelines import find_pipeline
from eval.report.page import render, report
from eval.runs import Ranked, Run
from memory.embedding.hashing import HashEmbedder
from tests.eval.small_collection import small_collection

NASTY = Run(
    "</script><b>theirs",
    {"q1": (Ranked("sensor", 2.0), Ranked("lease", 1.0)), "q2": (Ranked("travel", 1.0),)},
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    place = tmp_path_factory.mktemp("report")
    collection = open_collection(small_collection(place / "small"))
    bench = Bench(place / "data", HashEmbedder)
    ours = bench.run(collection, find_pipeline("words"), measures=["nDCG@10", "R@100"])
    for _ in range(2):
        bench.remember(ours)
    theirs = bench.score(collection, NASTY, ["nDCG@10", "R@100"])
    page = report(collection, [ours, theirs], bench.history(collection))
    return {"told": page, "html": render(collection, page)}


def without_code(html: str) -> str:
    return re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


def test_the_page_needs_nothing_else(told: dict[str, object]) -> None:
    html = str(told["html"])
    own = without_code(html)
    html5lib.HTMLParser(strict=True).parse(own)
    assert not re.findall(r"(?:src|href)=", own)
    assert len(html) > len(own) + 500_000  # what draws the plots is in it
    assert "<b>theirs" not in html
    assert "&lt;b&gt;theirs" in html


def test_the_tables_say_what_was_measured(told: dict[str, object]) -> None:
    page = told["told"]
    assert isinstance(page, dict)
    html = without_code(str(told["html"]))
    tree = html5lib.parse(html, treebuilder="lxml", namespaceHTMLElements=False)
    systems = [" ".join("".join(row.itertext()).split()) for row in tree.xpath("//table[@id='systems']//tr")]
    assert len(systems) == 3
    assert f"{page['records'][0]['measures']['nDCG@10']:.4f}" in systems[1]
    known = [[cell.text for cell in row] for row in tree.xpath("//table[@id='known-items']//tr")]
    assert known[0] == ["system", "Success@1", "Success@3", "Success@10", "Success@100", "RR"]
    # q2, q3 and q4 have one answer each; theirs found that of q2, first, and nothing of the others.
    assert known[2][1:] == ["0.3333"] * 5
    assert "3 queries are answered by exactly one document" in html
    differences = ["".join(row.itertext()) for row in tree.xpath("//table[@id='differences']//tr")]
    assert len(differences) == 3
    assert "What is the notice period of the lease?" in html
    assert json.loads(json.dumps(page)) == page


def test_every_plot_is_drawn(told: dict[str, object]) -> None:
    """Vega itself reads each specification: one it cannot read would leave an empty figure."""
    import vl_convert

    specs = re.findall(
        r'<script type="application/json" class="plot">(.*?)</script>', str(told["html"]), re.DOTALL
    )
    assert len(specs) == 4 + 1  # per query, recall, slices, latency, trend
    for spec in specs:
        assert vl_convert.vegalite_to_svg(spec, vl_version="6.4").startswith("<svg")


def test_history_is_of_this_state_of_the_collection(tmp_path: Path) -> None:
    collection = open_collection(small_collection(tmp_path / "small"))
    bench = Bench(tmp_path / "data", HashEmbedder)
    assert bench.history(collection) == []
