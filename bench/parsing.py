"""Every file of the parsing corpus, and the contracts, through the pool: time, outcomes, memory.

python bench/parsing.py [folder of corpora]
"""

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from ingest.parsers.base import ElementKind, Parsed
from ingest.parsers.workers import ParserPool
from ingest.split import estimate_tokens, split
from memory.errors import ParseError

WORKERS = 2


def outcome(pool: ParserPool, path: Path) -> tuple[Path, Parsed | str, float]:
    started = time.perf_counter()
    try:
        result: Parsed | str = pool.parse(path, name=path.name)
    except ParseError as error:
        result = error.message
    return path, result, time.perf_counter() - started


def resident_mb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 // 2**20


def run(pool: ParserPool, title: str, files: list[Path]) -> list[tuple[Path, Parsed | str, float]]:
    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as threads:
        found = list(threads.map(lambda path: outcome(pool, path), files))
    elapsed = time.perf_counter() - started
    read = [result for _, result, _ in found if isinstance(result, Parsed)]
    print(f"\n{title}: {len(files)} files in {elapsed:.1f} s, {elapsed / max(1, len(files)):.3f} s each")
    print(
        f"  with text {sum(bool(parsed.elements) for parsed in read)}, with people "
        f"{sum(bool(parsed.contributions) for parsed in read)}, with headings "
        f"{sum(any(e.kind is ElementKind.HEADING for e in parsed.elements) for parsed in read)}"
    )
    print(
        f"  slowest {max(seconds for _, _, seconds in found):.1f} s, workers {[resident_mb(pid) for pid in pool.pids()]} MB"
    )
    reasons = Counter(result.empty_reason for result in read if not result.elements)
    reasons.update(result for _, result, _ in found if isinstance(result, str))
    for reason, count in reasons.most_common():
        print(f"  {count:4} {reason}")
    return found


def main() -> None:
    corpora = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared/corpora")
    with ParserPool(WORKERS) as pool:
        started = time.perf_counter()
        pool.warm_up()
        print(f"{WORKERS} workers started one after the other in {time.perf_counter() - started:.1f} s")
        run(pool, "parsing", sorted(path for path in (corpora / "parsing").rglob("*") if path.is_file()))
        contracts = run(pool, "contracts", sorted((corpora / "contracts/pdf").iterdir()))
    parsed = [result for _, result, _ in contracts if isinstance(result, Parsed)]
    started = time.perf_counter()
    pieces = [piece for result in parsed for piece in split(result)[1]]
    print(
        f"\nsplit: {(time.perf_counter() - started) / len(parsed) * 1000:.1f} ms a contract, {len(pieces)} passages, "
        f"median {median(estimate_tokens(piece.text) for piece in pieces):.0f} tokens"
    )


if __name__ == "__main__":
    main()
