"""Before anything is imported: no library of ours may reach out while tests run."""

from api.settings import prepare_environment

prepare_environment()
