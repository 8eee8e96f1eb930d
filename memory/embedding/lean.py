"""sentence-transformers as an embedder needs it: without what it only trains and evaluates with.

It imports scikit-learn for its evaluations, and that scipy and pandas: 1,200 modules, a quarter of the time
and 95 MB in every process that embeds. None of their functions is called to load a model or to embed.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

EVALUATING = ("sklearn.metrics", "scipy.optimize", "scipy.sparse", "scipy.stats")
"""The modules of which sentence-transformers and transformers import functions that embedding never calls."""


class _Deferred(ModuleType):
    """Stands for a module while another imports functions from it: each imports the module when it is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def deferred(*values: Any, **named: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*values, **named)

        return deferred


@contextmanager
def deferred_imports(modules: tuple[str, ...] = EVALUATING) -> Iterator[None]:
    """While it lasts, ``from MODULE import function`` gives a function that imports the module only when called.

    A module that is there already is left as it is.
    """
    absent = [name for name in modules if name not in sys.modules]
    for name in absent:
        sys.modules[name] = _Deferred(name)
    try:
        yield
    finally:
        for name in absent:
            if isinstance(sys.modules.get(name), _Deferred):
                del sys.modules[name]
