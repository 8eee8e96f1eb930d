"""Long measurements. Before anything else is imported: no library of ours may reach out, or tell its makers of it."""

from api.settings import prepare_environment

prepare_environment()
