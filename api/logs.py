"""The service's log on standard error: lines for people, or JSON for programs, each with the id of its request."""

import logging
from typing import Literal

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from api.request_id import request_id

_NOISY = ("sentence_transformers", "httpx", "httpx2", "httpcore", "alembic")


class _WithRequest(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        known = request_id()
        record.__dict__ |= {"request_id": known or None, "request": f" [{known}]" if known else ""}
        return True


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Log from now on.

    :param level: the least that is logged, as in `logging`.
    """
    handler = logging.StreamHandler()
    handler.addFilter(_WithRequest())
    if form == "json":
        handler.setFormatter(
            JsonFormatter(
                ["levelname", "name", "message", "request_id"],
                rename_fields={"levelname": "level", "name": "logger"},
                timestamp="at",
                reserved_attrs=[*RESERVED_ATTRS, "request"],
                json_ensure_ascii=False,
            )
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s%(request)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
