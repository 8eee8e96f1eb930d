"""A small writer of Outlook archives (MS-PST, Unicode): one page of nodes, one of blocks, a heap for each item."""

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

_ROOT, _STORE, _NAMES, _FIRST_FOLDER, _FIRST_MESSAGE = 0x122, 0x21, 0x61, 0x8022, 0x200004
_FOLDER_STEP, _FOLDERS_IN_IT, _MESSAGES_IN_IT = 0x20, 0x0D, 0x0E
_NO_NAMES = {0x0001: 251, 0x0002: bytes(16), 0x0003: bytes(8), 0x0004: bytes(4)}
_INT, _TEXT, _BYTES, _TIME = 0x03, 0x1F, 0x102, 0x40

Properties = dict[int, int | str | bytes]
Node = tuple[int, int, bytes, list[tuple[int, bytes]]]
"""Its number, its parent's, its heap, and the numbers and heaps of what only it has."""

_ATTACHED, _FIRST_ATTACHMENT = 0x671, 0x8025


@dataclass
class Archive:
    """What is to be written: messages by folder; those of ``""`` lie in the root.

    :param attached: files by the number of their message, each a name and at most 3,000 bytes.
    """

    messages: list[tuple[str, Properties]] = field(default_factory=list)
    attached: dict[int, list[tuple[str, bytes]]] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write it; at most seven messages in one folder."""
        folders = sorted({folder for folder, _ in self.messages if folder})
        nids = {"": _ROOT} | {name: _FIRST_FOLDER + _FOLDER_STEP * n for n, name in enumerate(folders)}
        nodes: list[Node] = [
            (_STORE, 0, _context({0x3001: "Store"}), []),
            (_NAMES, 0, _context(_NO_NAMES), []),
        ]
        inside: dict[str, list[int]] = {name: [] for name in nids}
        for number, (folder, properties) in enumerate(self.messages):
            nid = _FIRST_MESSAGE + 0x20 * number
            inside[folder].append(nid)
            files = self.attached.get(number, [])
            nodes.append((nid, nids[folder], _context({0x001A: "IPM.Note", **properties}), _files(files)))
        for name, nid in nids.items():
            below = [each for each in nids.values() if each != _ROOT] if not name else []
            nodes.append((nid, _ROOT, _context({0x3001: name or "Root"}), []))
            nodes.append((nid & ~0x1F | _FOLDERS_IN_IT, 0, _table(below), []))
            nodes.append((nid & ~0x1F | _MESSAGES_IN_IT, 0, _table(inside[name]), []))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_file(sorted(nodes, key=lambda node: node[0])))
        return path


def _files(files: list[tuple[str, bytes]]) -> list[tuple[int, bytes]]:
    """The nodes that a message has for what is attached to it: a table of them, and each."""
    if not files:
        return []
    numbers = [_FIRST_ATTACHMENT + 0x20 * number for number in range(len(files))]
    told = [_context({0x3701: data, 0x3705: 1, 0x3707: name}) for name, data in files]
    return [(_ATTACHED, _table(numbers)), *zip(numbers, told, strict=True)]


def _file(nodes: list[Node]) -> bytes:
    out = bytearray(0x4400 + 512 * 2)
    blocks: list[bytes] = []
    entries = []

    def block(data: bytes, *, inner: bool = False) -> int:
        bid, where = 4 * (len(blocks) + 1) + 2 * inner, len(out)
        room = -(len(data) + 16) % 64
        out.extend(data + b"\0" * room)
        out.extend(struct.pack("<HHIQ", len(data), _signature(where, bid), _crc(data), bid))
        blocks.append(struct.pack("<QQHHI", bid, where, len(data), 2, 0))
        return bid

    for nid, parent, heap, below in nodes:
        bid, told = block(heap), [struct.pack("<QQQ", each, block(data), 0) for each, data in below]
        sub = block(struct.pack("<BBHI", 2, 0, len(told), 0) + b"".join(told), inner=True) if told else 0
        entries.append(struct.pack("<QQQII", nid, bid, sub, parent, 0))
    for where, kind, rows, size, bid in (
        (0x4400, 0x81, entries, 32, 0x1001),
        (0x4600, 0x80, blocks, 24, 0x1005),
    ):
        assert len(rows) <= 488 // size
        body = b"".join(rows).ljust(488, b"\0") + struct.pack("<BBBBI", len(rows), 488 // size, size, 0, 0)
        page = body + struct.pack("<BBHIQ", kind, kind, _signature(where, bid), _crc(body), bid)
        out[where : where + 512] = page
    out[:564] = _header(len(out))
    return bytes(out)


def _header(size: int) -> bytes:
    root = struct.pack("<IQQQQQQQQBBH", 0, size, 0, 0, 0, 0x1001, 0x4400, 0x1005, 0x4600, 2, 0, 0)
    body = struct.pack("<2sHHBBII", b"SM", 23, 19, 1, 1, 0, 0) + struct.pack("<QQI", 0, 0x2000, 1)
    body += b"\0" * 128 + b"\0" * 8 + root + b"\0" * 4 + b"\xff" * 256
    body += struct.pack("<BBHQ", 0x80, 0, 0, 0x1000)
    partial = _crc(body[:471])
    return (b"!BDN" + struct.pack("<I", partial) + body + struct.pack("<I", _crc(body[:516]))).ljust(
        564, b"\0"
    )


def _table(rows: list[int]) -> bytes:
    """A table context: the items of a folder by their numbers."""
    columns = struct.pack("<IHBB", 0x67F20003, 0, 4, 0) + struct.pack("<IHBB", 0x67F30003, 4, 4, 1)
    info = struct.pack("<BB4HIII", 0x7C, 2, 8, 8, 8, 9, 0x40, 0x80 if rows else 0, 0) + columns
    index = struct.pack("<BBBBI", 0xB5, 4, 4, 0, 0x60 if rows else 0)
    numbered = b"".join(struct.pack("<II", nid, row) for row, nid in enumerate(rows))
    matrix = b"".join(struct.pack("<IIB", nid, row + 1, 0xC0) for row, nid in enumerate(rows))
    return _heap(0x7C, [info, index, *([numbered, matrix] if rows else [])])


def _context(properties: Properties) -> bytes:
    """A property context."""
    items: list[bytes] = [b"", b""]
    records = b""
    for kind, value in sorted(properties.items()):
        if isinstance(value, int) and kind not in (0x0039, 0x0E06):
            records += struct.pack("<HHI", kind, _INT, value)
            continue
        if isinstance(value, int):
            raw, form = struct.pack("<Q", value), _TIME
        elif isinstance(value, str):
            raw, form = value.encode("utf-16-le"), _TEXT
        else:
            raw, form = value, _BYTES
        items.append(raw)
        records += struct.pack("<HHI", kind, form, len(items) << 5)
    items[0] = struct.pack("<BBBBI", 0xB5, 2, 6, 0, 0x40)
    items[1] = records
    return _heap(0xBC, items)


def _heap(kind: int, items: list[bytes]) -> bytes:
    """A heap on one block."""
    starts, at = [], 12
    for item in items:
        starts.append(at)
        at += len(item)
    pad = at % 2
    table = struct.pack(f"<HH{len(items) + 1}H", len(items), 0, *starts, at)
    return struct.pack("<HBBI4x", at + pad, 0xEC, kind, 0x20) + b"".join(items) + b"\0" * pad + table


def _signature(where: int, bid: int) -> int:
    mixed = where ^ bid
    return ((mixed >> 16) ^ mixed) & 0xFFFF


def _crc(data: bytes) -> int:
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF
