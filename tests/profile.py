"""How much tests draw: some by default, more with `HYPOTHESIS_PROFILE=ci`, as those of Hypothesis do."""

import os
from typing import Final

PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "default")


def sample(number: int, *, ci: int) -> int:
    """How many: `number` by default, `ci` with that profile."""
    return ci if PROFILE == "ci" else number
