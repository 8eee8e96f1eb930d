"""Collections: read as they were written, and wrong lines named."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.collections.beir import JsonCorpus, read_qrels, read_queries, write_beir
from eval.collections.folder import open_collection, seal
from eval.collections.model import Collection, CorpusDocument, Query
from eval.collections.slices import Slice, slices
from eval.collections.table import read_table
from eval.collections.trec import TrecCorpus, read_topics, read_trec_qrels, write_topics, write_trec_qrels
from memory.errors import InvalidInput, NotFound
from tests.eval.small_collection import QRELS, QUERIES, small_collection

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
IDS = st.text(st.characters(exclude_categories=["Cs", "C", "Z"]), min_size=1, max_size=12)
META = st.dictionaries(st.sampled_from(["language", "source", "type"]), IDS, max_size=2)
GRADED = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-2, 3), min_size=1, max_size=4), max_size=4)


FEW = settings(max_examples=25, deadline=None)


@FEW
@given(
    documents=st.lists(
        st.builds(CorpusDocument, IDS, TEXT, TEXT, META), unique_by=lambda one: one.id, max_size=4
    ),
    queries=st.lists(st.builds(Query, IDS, TEXT, META), unique_by=lambda one: one.id, max_size=4),
    qrels=GRADED,
)
def test_beir_reads_back_what_was_written(documents, queries, qrels) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_beir(folder, queries, qrels, documents)
        assert list(JsonCorpus(folder / "corpus.jsonl")) == documents
        assert list(read_queries(folder / "queries.jsonl")) == queries
        assert read_qrels(folder / "qrels" / "test.tsv") == qrels


@FEW
@given(qrels=GRADED, queries=st.lists(st.builds(Query, IDS, TEXT), unique_by=lambda one: one.id, max_size=4))
def test_trec_reads_back_what_was_written(qrels, queries) -> None:
    queries = [query for query in queries if query.text.split() and not query.id.startswith("<")]
    with TemporaryDirectory() as place:
        write_trec_qrels(Path(place) / "qrels.txt", qrels)
        assert read_trec_qrels(Path(place) / "qrels.txt") == qrels
        write_topics(Path(place) / "topics.tsv", queries)
        read = read_topics(Path(place) / "topics.tsv")
        assert [(one.id, one.text) for one in read] == [
            (one.id, " ".join(one.text.split())) for one in queries
        ]


TOPICS = """<top>
<num> Number: 301
<title> International Organized Crime

<desc> Description:
Identify organizations that participate in it.
<narr> Narrative: whatever </top>
<top><num>302</num><title>Poliomyelitis <b>and</b> Post-Polio</title></top>
"""


def test_topics_of_trec_need_no_ends(tmp_path: Path) -> None:
    (tmp_path / "topics.txt").write_text(TOPICS)
    titles = {query.id: query.text for query in read_topics(tmp_path / "topics.txt")}
    assert titles == {"301": "International Organized Crime", "302": "Poliomyelitis <b>and</b> Post-Polio"}
    longer = read_topics(tmp_path / "topics.txt", ("title", "desc"))
    assert longer[0].text == "International Organized Crime Identify organizations that participate in it."


def test_a_folder_in_trec_layout_is_a_collection(tmp_path: Path) -> None:
    (tmp_path / "topics.txt").write_text(TOPICS)
    (tmp_path / "qrels.txt").write_text("301 0 D1 2\n301 0 D2 -1\n")
    (tmp_path / "documents.trec").write_text(
        "<DOC>\n<DOCNO> D1 </DOCNO>\n<HEADLINE>Crime</HEADLINE>\n<TEXT>\nOrganized.\n</TEXT>\n</DOC>\n"
    )
    collection = open_collection(tmp_path)
    assert list(collection.corpus or ()) == [CorpusDocument("D1", "Organized.", "Crime")]
    assert [query.id for query in collection.answerable()] == ["301"]
    assert collection.relevant("301") == {"D1"}
    assert isinstance(collection.corpus, TrecCorpus)


WRONG = [
    ("corpus.jsonl", '{"_id": "a", "text": "x"}\n{"_id": "b"', "line 2: is not JSON"),
    (
        "corpus.jsonl",
        '{"_id": "a", "text": "x"}\n\n{"_id": "a", "text": "y"}',
        "line 3: the id a is there twice",
    ),
    ("corpus.jsonl", '{"_id": "a", "title": 7}', "line 1: has no title"),
    ("corpus.jsonl", '{"text": "a"}', "line 1: has no _id"),
    ("queries.jsonl", '["a"]', "line 1: is no JSON object"),
    ("queries.jsonl", '{"_id": "a"}', "line 1: has no text"),
    ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\tlease", "line 2: has 2 columns, not 3"),
    ("qrels/test.tsv", "q1\tlease\thigh", "line 1: the grade 'high' is no whole number"),
    ("qrels/test.tsv", "q1\tlease\t1\nq1\tlease\t2", "line 2: lease is judged for q1 a second time"),
]


@pytest.mark.parametrize(("name", "text", "said"), WRONG)
def test_a_wrong_line_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    folder = small_collection(tmp_path)
    (folder / name).write_text(text)
    with pytest.raises(InvalidInput, match=said):
        list(open_collection(folder).corpus or ())


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    folder = small_collection(tmp_path)
    (folder / "queries.jsonl").write_bytes(b'{"_id": "a", "text": "\xff"}\n')
    with pytest.raises(InvalidInput, match=r"queries.jsonl, line 1: is not UTF-8"):
        open_collection(folder)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no collection"):
        open_collection(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="no queries"):
        open_collection(tmp_path)
    folder = small_collection(tmp_path)
    with pytest.raises(NotFound, match="no judgements graded"):
        open_collection(folder, "graded")


def test_a_sealed_version_cannot_change_unseen(tmp_path: Path) -> None:
    folder = small_collection(tmp_path / "small")
    sealed = seal(folder, "1", marked=("all", "language=de"))
    assert (sealed.version, sealed.marked, sealed.name) == ("1", ("all", "language=de"), "small")
    assert open_collection(folder).checksum == sealed.checksum
    write_beir(folder, QUERIES, QRELS | {"q5": {"lease": 1}})
    with pytest.raises(InvalidInput, match="not those of its version 1"):
        open_collection(folder)
    again = seal(folder, "2")
    assert again.version == "2"
    assert again.marked == ("all", "language=de")
    assert again.checksum != sealed.checksum


def test_a_spreadsheet_becomes_a_collection(tmp_path: Path) -> None:
    table = tmp_path / "judgements.csv"
    table.write_text(
        '\ufeffQuery;Document;Grade;Language\nWie lange?;a;3;de\nWie lange?;b;0;de\n"How\nlong; really?";c;;en\nMore;;;\n',
        encoding="utf-8",
    )
    queries, qrels = read_table(table)
    assert [(one.id, one.text, dict(one.metadata)) for one in queries] == [
        ("q1", "Wie lange?", {"language": "de"}),
        ("q2", "How\nlong; really?", {"language": "en"}),
        ("q3", "More", {}),
    ]
    assert qrels == {"q1": {"a": 3, "b": 0}, "q2": {"c": 1}}
    table.write_text("query,document,grade\nx,a,1\nx,b,good\n")
    with pytest.raises(InvalidInput, match=r"judgements.csv, line 3: the grade 'good'"):
        read_table(table)
    table.write_text("question,answer\n")
    with pytest.raises(InvalidInput, match="no columns query and document"):
        read_table(table)


def test_slices_are_of_what_can_be_answered() -> None:
    collection = Collection("small", QUERIES, QRELS, "")
    assert slices(collection) == {
        "language": {"de": {"q3"}, "en": {"q1", "q2"}},
        "type": {"keywords": {"q3", "q4"}, "known-item": {"q2"}, "question": {"q1"}},
    }
    assert Slice.parse("language=de").of(collection) == {"q3"}
    assert Slice.parse("all").of(collection) == {"q1", "q2", "q3", "q4"}
    for text in ("all", "language=de", "type=a=b"):
        assert str(Slice.parse(text)) == text
    with pytest.raises(InvalidInput):
        Slice.parse("colour=red")
    with pytest.raises(NotFound):
        Slice.parse("language=fr").of(collection)
