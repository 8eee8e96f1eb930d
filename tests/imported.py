"""What a command imports, all of it: imported once by the process that `tests.commands` forks from."""

from api.lean import import_haystack

import_haystack()

import api.app  # noqa: E402
import api.cli  # noqa: E402
import api.gateway  # noqa: E402, F401
import connectors.folder  # noqa: E402
import connectors.mailbox  # noqa: E402, F401
import ingest.components  # noqa: E402, F401
import memory.index.edge  # noqa: E402, F401
