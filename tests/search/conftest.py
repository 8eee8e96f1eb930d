"""Haystack reads its switch when it is imported; a test must send nothing anywhere."""

import pytest

pytest.MonkeyPatch().setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
