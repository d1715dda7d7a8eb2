"""Who notices that a rule is disabled."""

from unittest.mock import patch

import pytest

from qslot.schema.rules import LAYOUT_RULES, STATEMENT_RULES
from qslot.schema.verify import CHECKS, verify

from ..schema.broken import CASES
from ..solver.ask import Case, NoCase, Trio, check_trio, device, q35
from ..solver.rules.test_every_rule import MODULES
from .edited import edited
from .encoder import FORGOTTEN

CODES = [rule.code for rule in (*LAYOUT_RULES, *STATEMENT_RULES)]
"""Rules that layouts must keep."""
STATED = {"any layout": Trio(Case(q35(device("a", "nvme"))), NoCase("nobody asks for it"), NoCase("the same"))}
"""For rules about what every layout states of itself: objective, hash, prediction."""


def trios_of(rule: str) -> dict[str, Trio]:
    """By the case, those that are about a rule."""
    return {case: trio for module in MODULES for (code, case), trio in module.TRIOS.items() if code == rule} or STATED


def failing_trio(rule: str) -> tuple[str, str] | None:
    """The first trio that fails once the encoder forgets the rule, by its case, and how; None where all hold.

    The counting model answers alone: the address-level model, which is asked where that comes to nothing, would mend
    what is forgotten. Trios that do not hold without it do not count.
    """
    with patch("qslot.solver.solving.within_reach", lambda _: False):
        trios = [(case, trio) for case, trio in trios_of(rule).items() if _failure(rule, trio) is None]
        with edited(FORGOTTEN[rule]):
            failures = ((case, _failure(rule, trio)) for case, trio in trios)
            return next(((case, told) for case, told in failures if told is not None), None)


def _failure(rule: str, trio: Trio) -> str | None:
    try:
        check_trio(rule, trio)
    except (Exception, pytest.fail.Exception) as error:  # whatever a broken encoder comes to
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return None


def failing_case(rule: str) -> str | None:
    """The first case of a broken layout in which the rule is found no more once its check is left out."""
    with patch.dict(CHECKS, {rule: lambda _: iter(())}):
        for case in CASES:
            if case.rule == rule and not any(one.rule == rule for one in verify(*case.broken, case.previous)):
                return "-".join(case.subjects) or "layout"
    return None
