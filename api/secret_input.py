"""Secrets as the command line takes them: never as an argument, which every user of the machine can read."""

import getpass
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from memory.errors import InvalidInput

_HOW = "Write --secret NAME to be asked or to give it on standard input, or --secret NAME=@FILE."


def read_secrets(asked: Iterable[str]) -> dict[str, str]:
    """Get secrets from where they are asked for: ``NAME`` or ``NAME=@FILE``.

    Without a file they come from a prompt, or one line each from standard input where that is no terminal.

    :raises InvalidInput: where a value stands in the argument itself, or none can be got.
    """
    found: dict[str, str] = {}
    for each in asked:
        name, equals, where = each.partition("=")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise InvalidInput("Not the name of a secret.", hint=_HOW)
        if equals and not where.startswith("@"):
            raise InvalidInput(
                f"The secret {name} stands in the command itself, where others can read it.", hint=_HOW
            )
        secret = _of_file(name, where[1:]) if equals else _typed(name)
        if not secret:
            raise InvalidInput(f"The secret {name} is empty.", hint=_HOW)
        found[name] = secret
    return found


def _of_file(name: str, path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The secret {name} cannot be read from {path}.", hint=_HOW) from error


def _typed(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
