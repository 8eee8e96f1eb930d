"""Whether the service lives, whether it can answer, and, for whoever runs it, why not."""

import shutil
from typing import Any

from api.wiring import Memory
from memory.errors import MnemeError
from search.recent import Recent


class Health:
    """Looks at a memory at most once a second, however often it is asked.

    :param memory: looked at as a search would: its catalogue and its index have to answer.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._troubles = Recent(self._look)

    def live(self) -> dict[str, Any]:
        """That the process answers, and whether the model is there; touches nothing that could be slow."""
        return {"status": "ok", "meaning": self._memory.model_ready}

    def ready(self) -> dict[str, Any]:
        """Whether searches are answered: by words, and by meaning too. Says nothing of what is wrong."""
        return {"ready": not self._troubles.get(), "meaning": self._memory.model_ready}

    def details(self) -> dict[str, Any]:
        """The same with what is wrong, which may name folders and servers."""
        memory = self._memory
        return {
            **self.ready(),
            "troubles": [*self._troubles.get(), *([str(memory.model_error)] if memory.model_error else [])],
            "free_mb": shutil.disk_usage(memory.settings.home).free >> 20,
        }

    def _look(self) -> list[str]:
        try:
            self._memory.there()
        except MnemeError as error:
            return [str(error)]
        return []
