"""Permissions that bind root too, for what must go on starting programs that only root may reach."""

import ctypes
import struct
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION, _DAC_OVERRIDE, _DAC_READ_SEARCH = 0x20080522, 1, 2


@contextmanager
def bound() -> Iterator[None]:
    """Without the right of this thread to read what its owner may not; other threads keep it."""
    system = ctypes.CDLL(None, use_errno=True)
    head = struct.pack("<Ii", _VERSION, 0)
    before = ctypes.create_string_buffer(24)
    assert system.capget(head, before) == 0
    values = list(struct.unpack("<6I", before.raw))
    values[0] &= ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    assert system.capset(head, struct.pack("<6I", *values)) == 0
    try:
        yield
    finally:
        assert system.capset(head, before.raw) == 0
