"""Walk and fetch as somebody whom permissions bind, for tests that run as root."""

import os
import pickle
import pwd
import subprocess
import sys
from typing import Any

import pytest

from connectors.base import Connector, SourceConfig
from connectors.folder import Folder
from memory.domain import SourceRef

AS_NOBODY = """
import os, pickle, sys
user, group, kind, config, ref = pickle.load(sys.stdin.buffer)
try:
    os.setgroups([]); os.setgid(group); os.setuid(user)
    os.stat(os.path.dirname(config.location))
except PermissionError as error:
    print(error, file=sys.stderr); sys.exit(77)
try:
    found = list(kind(config).changes(None)) if ref is None else kind(config).fetch(ref)
except Exception as error:
    found = error
pickle.dump(found, sys.stdout.buffer)
"""


def without_rights(config: SourceConfig, ref: SourceRef | None = None, kind: type[Connector] = Folder) -> Any:
    """Walk, or fetch, as somebody whom permissions bind: root may read everything, so a child becomes nobody."""
    if os.geteuid() != 0:
        return list(kind(config).changes(None)) if ref is None else kind(config).fetch(ref)
    nobody = pwd.getpwnam("nobody")
    child = subprocess.run(
        [sys.executable, "-c", AS_NOBODY],
        input=pickle.dumps((nobody.pw_uid, nobody.pw_gid, kind, config, ref)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    if child.returncode == 77:
        pytest.skip(f"root cannot become nobody here: {child.stderr.decode().strip()}")
    assert child.returncode == 0, child.stderr.decode()
    found = pickle.loads(child.stdout)  # noqa: S301  our own child wrote it
    if isinstance(found, Exception):
        raise found
    return found
