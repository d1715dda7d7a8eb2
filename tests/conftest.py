"""Hypothesis profiles: small by default, `HYPOTHESIS_PROFILE=ci` looks harder. No COLUMNS, which pytest-xdist sets.

SIGINT ends what tests start, as from a terminal: a background job of a shell ignores it, and so would its children."""

import gc
import os
import signal
from unittest.mock import patch

from hypothesis import HealthCheck, settings

from .profile import PROFILE

# Hypothesis draws numbers that stand in the sources loaded so far, too, so that what a test is given would depend on
# which tests ran before it in the same process. What fails here shall fail everywhere.
patch("hypothesis.internal.conjecture.providers.is_local_module_file", lambda _: False, create=True).start()

QUIET = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
settings.register_profile("default", max_examples=25, deadline=None, derandomize=True, suppress_health_check=QUIET)
settings.register_profile("ci", max_examples=150, deadline=None, derandomize=True, suppress_health_check=QUIET)
settings.load_profile(PROFILE)

os.environ.pop("COLUMNS", None)  # the command heeds it

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Thousands of tests are there from now on, and need not be looked through each time that garbage is collected."""
    gc.collect()
    gc.freeze()
