"""What groups of settings are made of."""

from typing import Annotated, Any
from urllib.parse import SplitResult

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_settings import NoDecode


class SettingsGroup(BaseModel):
    """Settings that belong together; one that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def comma_separated(given: Any) -> Any:
    """The values of a text; anything else as it is."""
    if isinstance(given, str):
        return tuple(each.strip() for each in given.split(",") if each.strip())
    return given


Several = Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_separated)]
"""Values separated by commas."""


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""The addresses that only this machine can reach."""


def is_confidential(url: SplitResult) -> bool:
    """Whether nobody on the way reads what is sent to an address: it goes through TLS, or does not leave this machine."""
    return url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)
