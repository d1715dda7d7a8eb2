"""How lists are told: shared by everything that has words for people."""

import re
from collections.abc import Sequence
from typing import Final

FEW: Final = 4
"""Names that are all told; of more, the first and the last."""


MOST_NAMES: Final = 12
"""Names and ranges of names that are all told, where each matters."""

_NUMBERED: Final = re.compile(r"(.*?)(\d+)")


def named(names: Sequence[str]) -> str:
    """All of them, those of consecutive numbers as a range.

    >>> named(["net9", "net10", "net11", "pci.3"]), named(["a1", "a2"]), named([])
    ('net9 to net11 and pci.3', 'a1 and a2', '')
    """
    runs: list[list[str]] = []
    for name in names:
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    told = [text for run in runs for text in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else run)]
    more = [f"{len(told) - MOST_NAMES} more"] if len(told) > MOST_NAMES + 1 else []
    told = told[:MOST_NAMES] + more if more else told
    return " and ".join(filter(None, (", ".join(told[:-1]), *told[-1:])))


def _follows(before: str, name: str) -> bool:
    one, other = _NUMBERED.fullmatch(before), _NUMBERED.fullmatch(name)
    return one is not None and other is not None and one[1] == other[1] and int(one[2]) + 1 == int(other[2])


def listed(names: Sequence[str]) -> str:
    """Up to FEW names, else the first and the last.

    >>> listed(["a", "b", "c"]), listed([f"n{number}" for number in range(300)]), listed([])
    ('a, b and c', 'n0 to n299', '')
    """
    if len(names) > FEW:
        return f"{names[0]} to {names[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
