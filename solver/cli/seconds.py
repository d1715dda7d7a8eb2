"""How long something may take."""

import math
from typing import Any, Final

import click


class _Seconds(click.FloatRange):
    """Above 0, and a number: comparisons alone let `nan` pass."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


SECONDS: Final = _Seconds(min=0, min_open=True)
