"""What planning can answer: solved, proved impossible, or undecided. Bad input is none of them: it raises."""

from typing import Literal

from pydantic import Field

from ..base import Frozen
from ..finding import Finding
from .layout import Layout, ObjectiveTerm
from .remedy import Remedy


class Solved(Frozen):
    """A verified layout, every term of its objective proved optimal."""

    layout: Layout


class Infeasible(Frozen):
    """Proved: no layout keeps all rules.

    Of `solve`, the findings say what runs out, or who breaks a rule alone, as far as the proof itself knows. Of
    `explain`, they are the facts that clash: each with its rule and those whom it is about, in its numbers `least` how
    many of them suffice, `of` how many there are, `value` what the request says. `minimal`: proved that with one less
    of any there is a layout. `breaks` is the rule that they break whatever else is done, where it is a single one.
    Then `remedies`, too, the smallest first.
    """

    findings: tuple[Finding, ...] = ()
    minimal: bool = False
    broken_rule: str = ""
    remedies: tuple[Remedy, ...] = ()


class Undecided(Frozen):
    """No proof: the best verified layout so far, if any, and the proved bounds of the objective's terms.

    `reason`: a limit was hit, so that more time may help; or what was found could not be confirmed, and more time will
    not help: no fault of the request, and worth a report.
    """

    reason: Literal["limit", "unconfirmed"] = "limit"
    layout: Layout | None = None
    bound: tuple[ObjectiveTerm, ...] = Field(default=())


Outcome = Solved | Infeasible | Undecided
