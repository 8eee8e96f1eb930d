"""Names of accounts as access tokens."""

import re

_UNFIT = re.compile(r"[\s,!=%]")


def token(kind: str, name: str) -> str:
    """``user:jane``, ``group:legal``: what no token may have (a blank, a comma, ``!``, ``=``) and ``%`` become ``%XX``."""
    return f"{kind}:{_UNFIT.sub(lambda found: ''.join(f'%{byte:02X}' for byte in found[0].encode()), name)}"
