"""Any history of a folder: after each sync the memory says what a plain model of the folder says."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from api.service import Service
from tests.ingest.folder_model import FolderModel
from tests.memories import service

PEOPLE = "name,address,groups\nAnn Doe,ann@x.example,group:a\nBen Roe,ben@x.example,group:b\n"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("model") / "home", sync={"max_file_mb": 1}) as opened:
        opened.people.import_directory(PEOPLE)
        yield opened


@pytest.mark.slow
def test_any_history_of_a_folder(asked: Service) -> None:
    class Run(FolderModel):
        service = staticmethod(lambda: asked)

    run_state_machine_as_test(
        Run,
        settings=settings(
            max_examples=10,
            stateful_step_count=20,
            derandomize=True,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
