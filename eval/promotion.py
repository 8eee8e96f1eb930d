"""What has passed the gate: a pipeline or a model that has not is not put to use.

A pass names candidate and baseline by what they are made of, the pipeline's text and the model's digest, not by their
names: a file that changes afterwards has passed nothing. It counts against what was in use when it was given.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.collections.lines import write_lines
from eval.gate import Decision
from eval.pipelines import Setup
from memory.errors import InvalidInput, NotPromoted

_FILE = "passes.json"


class Passes:
    """The passes of a memory.

    :param data: the folder of the bench's data.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / _FILE

    def keep(self, decision: Decision, baseline: Setup, candidate: Setup) -> None:
        """Remember what the gate said, if the candidate has passed and could have failed."""
        if decision.passed and decision.conclusive:
            told = {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "baseline": asdict(baseline),
                "candidate": asdict(candidate),
                "decision": decision.to_json(),
            }
            write_lines(self._path, [json.dumps([*self.all(), told], ensure_ascii=False, indent=1)])

    def all(self) -> list[dict[str, Any]]:
        """Every pass, oldest first.

        :raises InvalidInput: where they cannot be read.
        """
        try:
            return list(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as error:
            raise InvalidInput(
                f"{self._path} cannot be read: {error}.", hint="Move it away and run the gate again."
            ) from error

    def need(self, candidate: Setup, baseline: Setup, what: str, hint: str) -> dict[str, Any]:
        """The newest pass of the candidate against the baseline.

        :param what: is to be promoted, as the error names it.
        :param hint: what to run where there is none.
        :raises NotPromoted: where there is none.
        """
        for told in reversed(self.all()):
            if told["candidate"] == asdict(candidate) and told["baseline"] == asdict(baseline):
                return dict(told)
        raise NotPromoted(f"{what} has not passed the gate against what is in use.", hint=hint)
