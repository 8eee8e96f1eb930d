import pytest

# Before anything imports the suite, so that its assertions show the values that differ.
pytest.register_assert_rewrite("connectors.testing")
