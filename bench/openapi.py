"""Whatever the API's description allows and forbids, sent to every operation: `python -m bench.openapi [EXAMPLES]`.

The same as `tests/api/test_openapi.py` does with eight for each; ends at the first answer that is a fault or not as described.
"""

import argparse
import tempfile
import time
from pathlib import Path

from api.lean import import_haystack
from tests.api.test_openapi import LEFT_OUT, Api, as_somebody_else, ask, is_refused
from tests.memories import add_folder, service, sync


def main() -> None:
    """Send, and print how much."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("examples", nargs="?", type=int, default=300)
    examples = given.parse_args().examples
    import_haystack()
    with tempfile.TemporaryDirectory() as place:
        files = Path(place) / "files"
        files.mkdir()
        (files / "seen.md").write_text("# Open\n\nThe zirconium report.\n", encoding="utf-8")
        (files / "other.txt").write_text("Another report.", encoding="utf-8")
        with service(Path(place) / "home") as opened:
            add_folder(opened, files)
            sync(opened)
            api, began = Api(opened), time.perf_counter()
            operations = [each.ok() for each in api.schema.get_all_operations()]
            asked = [each for each in operations if each.path not in LEFT_OUT]
            for operation in asked:
                ask(api, operation, examples)
                for who, shown, may in as_somebody_else(api):
                    refused = is_refused(operation, may)
                    ask(api, operation, max(1, examples // 10), shown, refused=refused, who=who)
            print(
                f"{len(asked)} operations, up to {examples} each as the owner, a tenth as everybody else: {time.perf_counter() - began:.0f} s"
            )


if __name__ == "__main__":
    main()
