"""What planning can answer: solved, proved impossible, or undecided. Bad input is none of them: it raises."""

from typing import Literal

from ..base import Frozen
from ..finding import Finding
from .layout import Layout, ObjectiveTerm
from .remedy import Remedy


class Solved(Frozen):
    """A verified layout, every term of its objective proved optimal."""

    layout: Layout
    """The layout, whose status is `optimal`."""


class Infeasible(Frozen):
    """Proved: no layout keeps all rules."""

    findings: tuple[Finding, ...] = ()
    """Of `solve`, what runs out, or who breaks a rule alone, as far as the proof itself knows. Of `explain`, the facts
    that clash: each with its rule and those whom it is about, in its details `least` how many of them suffice, `of` how
    many there are, `value` what the request says."""
    minimal: bool = False
    """Whether it is proved that with one less of any of these facts there is a layout; of `explain` only."""
    broken_rule: str = ""
    """Code of the rule that the facts break whatever else is done, where it is a single one and none of theirs."""
    remedies: tuple[Remedy, ...] = ()
    """What would help, the smallest first; of `explain` only."""


class Undecided(Frozen):
    """No proof: the best verified layout so far, if any, and the proved bounds of the objective's terms."""

    reason: Literal["limit", "unconfirmed"] = "limit"
    """`limit`: a limit was hit, so that more time may help. `unconfirmed`: what was found could not be confirmed, and
    more time will not help; that is no fault of the request, and worth a report."""
    layout: Layout | None = None
    """The best layout so far, whose status is `feasible`; null where there is none."""
    bound: tuple[ObjectiveTerm, ...] = ()
    """What any layout costs at least, term by term, as far as it is proved."""


Outcome = Solved | Infeasible | Undecided
