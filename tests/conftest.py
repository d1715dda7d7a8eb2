"""Hypothesis profiles: small by default, `HYPOTHESIS_PROFILE=ci` looks harder. No COLUMNS, which pytest-xdist sets."""

import os

from hypothesis import HealthCheck, settings

QUIET = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
settings.register_profile("default", max_examples=25, deadline=None, derandomize=True, suppress_health_check=QUIET)
settings.register_profile("ci", max_examples=150, deadline=None, derandomize=True, suppress_health_check=QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

os.environ.pop("COLUMNS", None)  # the command heeds it
