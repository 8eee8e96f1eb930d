"""What a model folder's files hash to, without reading half a gigabyte at every start."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from memory.embedding.seal import digest, write_whole

_WEIGHTS = {".safetensors", ".bin", ".pt", ".npz"}
_WORDS = {
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
}
_SLOW = 0.2  # seconds; what takes less is not worth remembering


def fingerprint(folder: Path, prompts: dict[str, str], cache: Path | None = None) -> str:
    """The hash of everything that decides a vector: weights, vocabulary, pooling and prompts.

    :param folder: the model's folder.
    :param prompts: what is put in front of a query and of a passage.
    :param cache: a folder to remember the hashes of big files in, by their path, size and time.
    """
    memo = _load(cache)
    found: dict[str, str] = {}
    fresh = False
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or not (path.suffix in _WEIGHTS or path.name in _WORDS or "Pooling" in name):
            continue
        stat = path.stat()
        key = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        if key in memo:
            found[name] = memo[key]
            continue
        began = time.monotonic()
        found[name] = digest(path)
        if time.monotonic() - began > _SLOW:
            memo[key] = found[name]
            fresh = True
    if fresh and cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        write_whole(cache / "fingerprints.json", json.dumps(memo, indent=2))
    everything = json.dumps({"files": found, "prompts": prompts}, sort_keys=True)
    return hashlib.sha256(everything.encode()).hexdigest()


def _load(cache: Path | None) -> dict[str, str]:
    if cache is None:
        return {}
    try:
        memo: dict[str, Any] = json.loads((cache / "fingerprints.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # a lost memory costs one more reading, nothing else
    return {str(key): str(value) for key, value in memo.items()} if isinstance(memo, dict) else {}
