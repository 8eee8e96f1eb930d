"""Haystack as this process needs it: without torch, and quiet.

It imports torch to name devices, which takes 2 s and 150 MB, and does without where there is none. The
service embeds in a process of its own and names no device.
"""

import logging
import sys


def import_haystack() -> None:
    """Import Haystack as if torch were not installed; call it before anything else imports Haystack."""
    # When a component raises, it warns of what it could not write down of the search; ours tell the error themselves.
    logging.getLogger("haystack").setLevel(logging.ERROR)
    if "torch" in sys.modules or "haystack" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # what makes `import torch` raise ImportError
    try:
        import haystack  # noqa: F401 - to be found in `sys.modules` from now on
    finally:
        del sys.modules["torch"]
