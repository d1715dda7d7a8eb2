"""Guests that the strategies draw, by what they do to a rule: `python -m tests.testing.reached RULE` looks for some.

A rule is *satisfied* and can be *broken* by the best layout of a guest of which there is a mutation; it is *tight* in a
guest that is answered otherwise once the encoder forgets it (`tests/disabled/`).
"""

import sys
from unittest.mock import patch

from qslot.schema import Guest, Layout, Solved
from qslot.solver import Options, solve
from qslot.testing import mutations
from qslot.testing.generator import SeededDraw, small_guest, valid
from qslot.testing.generator.order import with_order
from qslot.testing.generator.successor import successor
from qslot.testing.living import frozen

from ..disabled.edited import edited
from ..disabled.encoder import FORGOTTEN

AFTER = ("frozen", "kept-controllers")
"""Rules about a layout before."""
LIMITED = Options(time_limit=20.0)


def asked(rule: str, seed: int) -> tuple[Guest, Layout | None] | None:
    """The guest that a seed names, in order for rule order; for rules about what was there before, what it becomes, and
    its layout."""
    before = small_guest(seed)
    if rule == "order":
        data = with_order(SeededDraw(seed), before.model_dump(mode="json", exclude_defaults=True))
        guest = None if data is None else valid(data)
        return None if guest is None else (guest, None)
    if rule not in AFTER:
        return before, None
    outcome = solve(before, LIMITED)
    if not isinstance(outcome, Solved):
        return None
    after = successor(SeededDraw(seed), before, outcome.layout)
    if after is None:
        return None
    return frozen(after) if rule == "frozen" else after, outcome.layout


def is_broken(rule: str, seed: int) -> bool:
    """Whether the best layout keeps the rule, and an edit breaks it alone."""
    found = asked(rule, seed)
    if found is None:
        return False
    outcome = solve(found[0], LIMITED, found[1])
    if not isinstance(outcome, Solved):
        return False
    return next(mutations(found[0], outcome.layout, rule, found[1]), None) is not None


def is_tight(rule: str, seed: int) -> bool:
    """Whether forgetting the rule changes the answer, by the counting model alone."""
    found = asked(rule, seed)
    if found is None:
        return False
    with patch("qslot.solver.solving.within_reach", lambda _: False):
        kept = _answer(*found)
        with edited(FORGOTTEN[rule]):
            return _answer(*found) != kept


def _answer(guest: Guest, before: Layout | None) -> object:
    try:
        outcome = solve(guest, LIMITED, before)
    except Exception as error:
        return type(error)
    return outcome.layout if isinstance(outcome, Solved) else type(outcome)


def main(rules: list[str], most: int = 1000) -> None:
    """Prints the first seeds found for each of these rules."""
    for rule in rules:
        tight = next((seed for seed in range(most) if is_tight(rule, seed)), None)
        broken = next((seed for seed in range(most) if is_broken(rule, seed)), None)
        print(rule, tight, broken, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
