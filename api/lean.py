"""Haystack without torch.

It imports torch to name devices, which takes 2 s and 150 MB, and does without where there is none. The
service embeds in a process of its own and names no device.
"""

import sys


def import_haystack() -> None:
    """Import Haystack as if torch were not installed; call it before anything else imports Haystack."""
    if "torch" in sys.modules or "haystack" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # what makes `import torch` raise ImportError
    try:
        import haystack  # noqa: F401 - to be found in `sys.modules` from now on
    finally:
        del sys.modules["torch"]
