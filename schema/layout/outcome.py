"""What planning can answer: solved, proved impossible, or undecided. Bad input is none of them: it raises."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from ..base import Frozen
from ..explanation.clauses import clauses, together
from ..explanation.conflict import Conflict
from ..explanation.remedy import Remedy, alternatives_as_one
from ..finding import Finding
from ..rules import RULES
from .layout import Layout, ObjectiveTerm


class Solved(Frozen):
    """A verified layout, every term of its objective proved optimal."""

    layout: Layout


class Infeasible(Frozen):
    """Proved: no layout keeps all rules. `str` is what `qslot explain` prints."""

    findings: tuple[Finding, ...] = ()
    """What runs out, with the least that any layout uses of it, and who uses it; or who breaks a rule alone. Only as
    far as the proof itself knows: there may be none where `conflict` says what is wrong."""
    conflict: Conflict | None = None
    """Of `explain` only: what the request cannot have together."""
    remedies: tuple[Remedy, ...] = ()
    """Of `explain` only: what would help, the smallest first."""

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield "infeasible (proved): no layout keeps every rule"
        if self.conflict is None:
            yield from map(str, self.findings)
            return
        yield "Because " + ",\nand because ".join(clauses(together(self.conflict.facts), self.findings)) + ":"
        yield "  no layout."
        if self.conflict.broken_rule:
            rule = RULES[self.conflict.broken_rule]
            yield f"Rule {rule.code}: {rule.sentence} ({rule.source})."
        if not self.conflict.minimal:
            yield "Not proved to be the smallest such set: a limit was hit."
        hints = alternatives_as_one(self.remedies)
        yield from (f"hint: {remedy}" for remedy in hints) if hints else ["hint: no single change helps"]


class Undecided(Frozen):
    """No proof: the best verified layout so far, if any, and the proved bounds of the objective's terms.

    `reason`: a limit was hit, so that more time may help; or what was found could not be confirmed, and more time will
    not help: no fault of the request, and worth a report.
    """

    reason: Literal["limit", "unconfirmed"] = "limit"
    layout: Layout | None = None
    bound: tuple[ObjectiveTerm, ...] = Field(default=())


Outcome = Solved | Infeasible | Undecided
