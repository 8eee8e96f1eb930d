"""The security descriptors of many files of a folder, asked for in one go."""

from collections.abc import Sequence
from typing import Any

from smbprotocol.exceptions import SMBResponseException
from smbprotocol.file_info import InfoType
from smbprotocol.open import (
    CreateDisposition,
    CreateOptions,
    FilePipePrinterAccessMask,
    ImpersonationLevel,
    Open,
    ShareAccess,
    SMB2QueryInfoRequest,
    SMB2QueryInfoResponse,
)

_ASKED = 0x1 | 0x2 | 0x4
"""Owner, group and list (MS-SMB2 2.2.37); the part for audits needs rights that a reader should not have."""
_LARGEST = 0x10000
_LAST = b"\xff" * 16
"""The file that the request before in the same message opened (MS-SMB2 3.2.4.1.4)."""


def descriptors(folder: Open, names: Sequence[str]) -> list[bytes | None]:
    """The raw descriptor of each file, at most 100 of them; None where it may not be read, or is gone.

    :param folder: the opened folder that they lie in.
    """
    tree, connection = folder.tree_connect, folder.connection
    session = tree.session.session_id
    # Each question is three requests. How many may be on their way, the server grants (MS-SMB2 3.2.4.1.2).
    granted = connection.sequence_window
    if granted["high"] - granted["low"] < 3 * len(names):
        connection.echo(sid=session, credit_request=3 * len(names))
    sent = []
    for name in names:
        file = Open(tree, f"{folder.file_name}\\{name}" if folder.file_name else name)
        sent.append(connection.send_compound(_requests(file), session, tree.tree_connect_id, related=True))
    # Every answer is waited for before the first is given, so that none is left over for whoever asks next.
    return [_answer(connection, each) for each in sent]


def _requests(file: Open) -> list[Any]:
    created, _ = file.create(
        ImpersonationLevel.Impersonation,
        FilePipePrinterAccessMask.READ_CONTROL,
        0,
        ShareAccess.FILE_SHARE_READ | ShareAccess.FILE_SHARE_WRITE | ShareAccess.FILE_SHARE_DELETE,
        CreateDisposition.FILE_OPEN,
        CreateOptions.FILE_NON_DIRECTORY_FILE,
        send=False,
    )
    asked = SMB2QueryInfoRequest()
    asked["info_type"] = InfoType.SMB2_0_INFO_SECURITY
    asked["output_buffer_length"] = _LARGEST
    asked["additional_information"] = _ASKED
    asked["file_id"] = _LAST
    file.file_id = _LAST
    closed, _ = file.close(send=False)
    return [created, asked, closed]


def _answer(connection: Any, requests: Sequence[Any]) -> bytes | None:
    found: bytes | None = None
    for number, request in enumerate(requests):
        try:
            got = connection.receive(request)
        except SMBResponseException:
            continue
        if number == 1:
            answer = SMB2QueryInfoResponse()
            answer.unpack(got["data"].get_value())
            found = answer["buffer"].get_value()
    return found
