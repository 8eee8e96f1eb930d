"""When keys and sessions were last used is good to know; nobody is kept out because it cannot be noted."""

import time
from datetime import timedelta

from memory.catalogue.catalogue import Catalogue
from tests.small_disk import fill, mounted

REST = timedelta(seconds=4)
"""So that half of it, after which a use is noted, is soon over."""


def test_a_full_disk_keeps_out_nobody_who_is_let_in() -> None:
    with mounted(3) as disk:
        address = f"sqlite:///{disk / 'catalogue.db'}"
        catalogue = Catalogue(address, keep_events=None)
        session = catalogue.sessions.begin("jane@x.example", method="password", lasts=timedelta(hours=1))
        made, key = catalogue.api_keys.add(
            "reader", address="jane@x.example", scopes=["search"], lasts=timedelta(hours=1), made_by="owner"
        )
        catalogue.close()  # so that its log has no room of its own
        catalogue = Catalogue(address, keep_events=None)
        assert catalogue.vectors.count() == 0
        filler = fill(disk)
        time.sleep(2)
        known = catalogue.sessions.known(session, REST)
        assert known is not None
        assert known.address == "jane@x.example"
        assert catalogue.api_keys.known(key) is not None
        assert catalogue.api_keys.all()[0].used is None, "there was no room for it"
        filler.unlink()
        assert catalogue.api_keys.known(key) is not None
        assert catalogue.api_keys.all()[0].used is not None
        assert catalogue.api_keys.all()[0].id == made.id
        catalogue.close()
