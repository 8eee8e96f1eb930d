"""All that a source on a network has, read through whatever goes wrong on the way."""

import time
from contextlib import closing

from connectors.base import Checkpoint, Closes, Connector, Upserted
from connectors.patience import Patience, Patient

PATIENCE = Patience(attempts=200, first_s=0.01, longest_s=0.05)


def everything(connector: Connector) -> dict[str, bytes]:
    """As a sync would fetch it: each document after it was told, while the walk goes on; nothing twice, and nothing in doubt."""
    assert isinstance(connector, Closes)
    found: dict[str, bytes] = {}
    last = None
    with closing(connector):
        patient = Patient(connector, time.sleep, PATIENCE)
        for last in patient.changes(None):
            if isinstance(last, Upserted):
                assert last.ref.key not in found
                found[last.ref.key] = patient.fetch(last.ref).read()
    assert isinstance(last, Checkpoint)
    assert not last.doubt
    return found
