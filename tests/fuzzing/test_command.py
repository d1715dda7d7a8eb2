"""The command `qslot` with broken files and options: an exit code that is documented, and no word of an internal error."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from qslot.solver.cli import qslot as command
from tests.layouts import small_layout

from .corrupted import STRANGE_TEXTS, corrupted, misshapen

CODES: Final = {0, 1, 2, 3, 4, 5}
"""1 is that of `diff` alone."""
