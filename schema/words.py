"""How lists are told: shared by everything that has words for people."""

from collections.abc import Sequence
from typing import Final

FEW: Final = 4
"""Names that are all told; of more, the first and the last."""


def listed(names: Sequence[str]) -> str:
    """Up to FEW names, else the first and the last.

    >>> listed(["a", "b", "c"]), listed([f"n{number}" for number in range(300)]), listed([])
    ('a, b and c', 'n0 to n299', '')
    """
    if len(names) > FEW:
        return f"{names[0]} to {names[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
