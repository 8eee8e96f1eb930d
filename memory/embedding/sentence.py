"""Embeds with sentence-transformers. The only module that imports torch, and only when it is used."""

import re
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from memory.embedding.base import ModelIdentity, Vectors, embedded_at_once
from memory.embedding.fingerprint import fingerprint
from memory.embedding.lean import deferred_imports
from memory.errors import ModelUnavailable

_BATCH = 8
"""Texts in one forward pass: on 2 cores 4 gave 18.0 passages/s, 8 20.7, 16 19.9, 32 14.7."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOT_NEEDED = ["onnx/*", "openvino/*", "*.h5", "*.ot", "*.msgpack", "*.onnx", "coreml/*"]


class SentenceEmbedder:
    """Any sentence-transformers model, on the processor, with the prompts it declares.

    Its prompts ``query`` and ``passage`` (else ``document``) are used, and none where it has none.
    Safe for threads. Results do not depend on what is embedded together.

    :param model: a folder, or the name of a model in the Hugging Face cache, with ``@`` and a revision where it has several.
    :param threads: threads for one forward pass; None leaves it to torch.
    :param name: what people call it; by default the folder's or the model's name.
    :param cache: a folder to remember the hash of the weights in, so that it is computed once.
    :param allow_download: whether a name that is not in the cache may be downloaded; it then needs a commit for its revision.
    :raises ModelUnavailable: where there is no such model or it cannot be loaded.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        threads: int | None = None,
        name: str = "",
        cache: Path | None = None,
        allow_download: bool = False,
    ) -> None:
        folder = _folder(model, allow_download)
        self._torch, self._model = _load(folder)
        self._tokenizing = threading.Lock()
        self._threads = self._at_first = threads or self._torch.get_num_threads()
        prompts: dict[str, str] = dict(self._model.prompts)
        self._query = prompts.get("query") or ""
        self._passage = prompts.get("passage") or prompts.get("document") or ""
        used = {"query": self._query, "passage": self._passage}
        self._identity = ModelIdentity(
            name=name or Path(model).name,
            digest=fingerprint(folder, used, cache),
            size=int(self._model.truncate_dim or self._model.get_embedding_dimension()),
        )

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._identity

    def set_threads(self, threads: int | None) -> None:
        """From the next call on use so many threads; None takes as many as at first."""
        self._threads = threads or self._at_first

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), size), in the order given."""
        return self._embed(texts, self._passage)

    def embed_query(self, text: str) -> Vectors:
        """The vector of a query, shape (size,)."""
        return self._forward([text], self._query).reshape(-1)

    def begin_query(self, text: str) -> "Future[Vectors]":
        """Embed a query: its vector, shape (size,), or what went wrong."""
        return embedded_at_once(self.embed_query, text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of several queries at once, shape (len(texts), size), in the order given."""
        return self._embed(texts, self._query)

    def _embed(self, texts: Sequence[str], prompt: str) -> Vectors:
        vectors = np.empty((len(texts), self._identity.size), dtype=np.float32)
        # Texts of like length go together: what is padded is computed for nothing. Longest first,
        # so that a batch too big for the memory fails at once and not after an hour.
        order = sorted(range(len(texts)), key=lambda at: (-len(texts[at]), at))
        for first in range(0, len(order), _BATCH):
            batch = order[first : first + _BATCH]
            vectors[batch] = self._forward([texts[at] for at in batch], prompt)
        return vectors

    def _forward(self, texts: list[str], prompt: str) -> Vectors:
        """What `SentenceTransformer.encode` does for one batch, without its 2 ms of preparations."""
        torch = self._torch
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)  # holds for the calling thread only
        with torch.inference_mode():
            with self._tokenizing:  # the tokenizer's padding is state of its own: not for two threads
                features = self._model.preprocess(texts, prompt=prompt or None)
            vectors = self._model.forward(features)["sentence_embedding"][:, : self._identity.size]
            result: Vectors = torch.nn.functional.normalize(vectors.float(), dim=1).numpy()
        return result


def _folder(model: str | Path, allow_download: bool) -> Path:
    path = Path(model)
    if path.is_dir():
        return path
    if isinstance(model, Path) or path.is_absolute():
        raise ModelUnavailable(f"There is no model folder {path}.", hint="Check settings.embedding.model.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, _, revision = model.partition("@")
    full = name if "/" in name else f"sentence-transformers/{name}"
    pinned = _COMMIT.fullmatch(revision) is not None
    try:
        return Path(
            snapshot_download(
                full,
                revision=revision or None,
                local_files_only=not (allow_download and pinned),
                ignore_patterns=_NOT_NEEDED,
            )
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        hint = "Use `builtin`, give the folder of a model, or allow the download of this one."
        if allow_download and not pinned:
            # A name alone, or a branch, means whatever its owner has put there today.
            hint = f"It is downloaded by one commit only: write {name}@ and the 40 digits of the commit."
        raise ModelUnavailable(f"The embedding model {model} is not on this machine.", hint=hint) from error


def _load(folder: Path) -> tuple[Any, Any]:
    try:
        import torch

        with deferred_imports():
            from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        hint = "pip install sentence-transformers torch"
        raise ModelUnavailable("sentence-transformers or torch is not installed.", hint=hint) from error
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, ImportError) as error:
        hint = "Check that it is a sentence-transformers model and complete."
        raise ModelUnavailable(f"The model in {folder} cannot be loaded: {error}", hint=hint) from error
    return torch, model.eval()
