"""Which machine: each that an operating system and its hosts allow is planned, and the plans are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...schema.environment.advice import Excluded
from ...schema.environment.candidates import Candidate, by_qemu, candidates
from ...schema.environment.osinfo import MODES_OF_DRIVER
from ...schema.environment.target import Environment
from ...schema.finding import Finding
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import Infeasible, Outcome, known_layout
from ...schema.request.guest import Guest
from ...schema.verify.environment import HOST_FIRMWARE, verify_for
from ..options import Options
from ..search.cpsat import Limits
from ..solving import best_known


@dataclass(frozen=True, slots=True)
class Decision:
    """A candidate and what planning it came to. Without a guest no machine is possible."""

    candidate: Candidate
    outcome: Outcome
    warnings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the layout has no error, such as a host on which it does not boot."""
        return all(one.severity != "error" for one in self.warnings)

    @property
    def layout(self) -> Layout | None:
        """The best layout that planning found; None where there is none."""
        return known_layout(self.outcome)


def choose_machine(
    request: Mapping[str, Any], environment: Environment, options: Options | None = None
) -> tuple[Decision, tuple[Excluded, ...]]:
    """The decision by the request's preset, and the machines that are out of the question. Raises nothing.

    q35 is preferred where it costs no preference, or the preset says so; `legacy-on-i440fx` prefers i440fx for a guest
    with a virtio device that its OS drives by 0.9 only.
    """
    decisions = plan_candidates(request, environment, Limits.of(options))
    return best_of(decisions), excluded_by(decisions)


def plan_candidates(request: Mapping[str, Any], environment: Environment, limits: Limits) -> list[Decision]:
    """q35 first."""
    return [plan_candidate(one, environment, limits) for one in candidates(request, environment)]


def excluded_by(decisions: list[Decision]) -> tuple[Excluded, ...]:
    """The machines that are no candidates, each with its reasons."""
    return tuple(
        Excluded(machine=one.candidate.machine, findings=one.candidate.findings, problems=one.candidate.problems)
        for one in decisions
        if one.candidate.guest is None
    )


def plan_candidate(candidate: Candidate, environment: Environment, limits: Limits) -> Decision:
    """A layout that the OS or a host cannot cope with, by what the request states, excludes its machine.

    Where hosts have several QEMUs it is planned for the newest, or for the first of the older ones whose layout is
    sound with the firmware of all; if none is, the newest's, and what is wrong with it among the warnings.
    """
    if candidate.guest is None:
        return Decision(candidate, Infeasible(findings=candidate.findings))
    first: Decision | None = None
    for guest in by_qemu(candidate.guest, environment):
        decision = _planned(replace(candidate, guest=guest), environment, limits)
        first = first or decision
        if isinstance(decision.outcome, Infeasible) or (decision.layout is not None and decision.sound):
            return decision  # what no layout keeps on one host none keeps on all
    assert first is not None
    return first


def _planned(candidate: Candidate, environment: Environment, limits: Limits) -> Decision:
    assert candidate.guest is not None
    decision = Decision(candidate, best_known(candidate.guest, limits))
    if decision.layout is None:
        return decision
    found = verify_for(environment, decision.layout)
    errors = tuple(one for one in found if one.severity == "error" and one.rule != HOST_FIRMWARE)
    if errors:
        return Decision(replace(candidate, guest=None, findings=errors), Infeasible(findings=errors))
    return replace(decision, warnings=tuple(found))


def best_of(decisions: list[Decision]) -> Decision:
    """Of those with a layout the preferred; else of those that are requests at all."""
    able = [one for one in decisions if one.layout is not None] or [one for one in decisions if one.candidate.guest]
    if len(able) < 2:
        return (able or decisions)[0]
    q35, pc = able
    guest = q35.candidate.guest
    assert guest is not None
    if guest.policy.preset == "legacy-on-i440fx":
        return pc if needs_virtio_0_9(guest) else q35
    if guest.policy.preset in ("prefer-q35", "strict-modern") or q35.layout is None or pc.layout is None:
        return q35
    return q35 if _preferences(q35.layout) <= _preferences(pc.layout) else pc


def needs_virtio_0_9(guest: Guest) -> list[str]:
    """Devices that must offer virtio 0.9."""
    return [device.id for device in guest.devices if device.fixed_mode in MODES_OF_DRIVER["L"]]


def _preferences(layout: Layout) -> int:
    return next(term.value for term in layout.objective if term.term == "preferences")
