"""Golden layouts are written anew with QSLOT_UPDATE=1 (an option here would only exist for runs of this folder)."""

import os

import pytest


@pytest.fixture
def update() -> bool:
    return os.environ.get("QSLOT_UPDATE") == "1"
