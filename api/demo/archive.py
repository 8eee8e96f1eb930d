"""Office files are zip archives: the same content must give the same bytes."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo


def naive(moment: datetime) -> datetime:
    """A moment in UTC without zone, as the Office libraries take it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def pinned(content: bytes, moment: datetime, rewrite: Callable[[bytes], bytes] = bytes) -> bytes:
    """The archive again with every member's time set to one moment.

    OpenDocument wants its ``mimetype`` first and stored; both are kept.

    :param rewrite: what to do with every XML member first.
    """
    target = io.BytesIO()
    stamp = naive(moment).timetuple()[:6]
    with ZipFile(io.BytesIO(content)) as old, ZipFile(target, "w") as new:
        for member in old.infolist():
            info = ZipInfo(member.filename, (stamp[0], stamp[1], stamp[2], stamp[3], stamp[4], stamp[5]))
            info.compress_type = ZIP_STORED if member.filename == "mimetype" else ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            data = old.read(member)
            new.writestr(info, rewrite(data) if member.filename.endswith(".xml") else data)
    return target.getvalue()
