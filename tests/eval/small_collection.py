"""A small collection of our own, written in BEIR's layout."""

from pathlib import Path

from eval.collections.beir import write_beir
from eval.collections.model import CorpusDocument, Qrels, Query

DOCUMENTS = (
    CorpusDocument("lease", "The notice period of the lease is six months.", "Lease of the harbour office"),
    CorpusDocument("lease-2", "The tenant pays the rent by the third day of the month.", "Rent"),
    CorpusDocument(
        "travel", "Expense claims are due within 21 days.\n\nTrains are preferred.", "Travel policy"
    ),
    CorpusDocument(
        "urlaub",
        "Der Urlaub ist mindestens drei Wochen vorher bei der Teamleitung zu beantragen.",
        "Urlaubsregelung",
        {"language": "de", "source": "people"},
    ),
    CorpusDocument("sensor", "The sensor measures the water level every ten minutes.", "Sensor manual"),
    CorpusDocument("empty", "", "Only a title"),
)
QUERIES = (
    Query("q1", "What is the notice period of the lease?", {"language": "en"}),
    Query("q2", "expense claims", {"language": "en", "type": "known-item"}),
    Query("q3", "Urlaub beantragen", {"language": "de"}),
    Query("q4", "water level sensor"),
    Query("q5", "nobody has judged this"),
    Query("q6", "only judged as bad"),
)
QRELS: Qrels = {
    "q1": {"lease": 2, "lease-2": 1, "sensor": 0},
    "q2": {"travel": 1},
    "q3": {"urlaub": 1},
    "q4": {"sensor": 1},
    "q6": {"sensor": 0},
}


def small_collection(folder: Path) -> Path:
    """Write it; gives the folder."""
    write_beir(folder, QUERIES, QRELS, DOCUMENTS)
    return folder
