"""Machine and virtio modes for an operating system and a set of hosts: candidates are planned, the plans compared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..schema.advice import Advice, Alternative, DeviceAdvice, Excluded, Variant
from ..schema.advice.resolve import Candidate, candidates
from ..schema.advice.why import reason
from ..schema.environment import Environment
from ..schema.finding import Finding
from ..schema.guest import Guest
from ..schema.layout import Layout
from ..schema.osinfo import OFFERS
from ..schema.outcome import Infeasible, Outcome
from ..schema.qemu import cold_plug
from ..schema.traits import model_of
from ..schema.verify.environment import verify_for
from .cpsat import Limits
from .explain import explain
from .options import Options
from .solve import best_known


@dataclass(frozen=True, slots=True)
class Decision:
    """A candidate and what planning it came to. Without a guest no machine is possible."""

    candidate: Candidate
    outcome: Outcome
    warnings: tuple[Finding, ...] = ()

    @property
    def layout(self) -> Layout | None:
        return None if isinstance(self.outcome, Infeasible) else self.outcome.layout


def decide_for(
    request: Mapping[str, Any], environment: Environment, options: Options | None = None
) -> tuple[Decision, tuple[Excluded, ...]]:
    """The decision by the request's preset, and the machines that are out of the question. Raises nothing.

    q35 is preferred where it costs no preference, or the preset says so; `legacy-on-i440fx` prefers i440fx for a guest
    with a virtio device that its OS drives by 0.9 only.
    """
    decisions = _decisions(request, environment, Limits.of(options or Options()))
    return _chosen(decisions), _excluded(decisions)


def _decisions(request: Mapping[str, Any], environment: Environment, limits: Limits) -> list[Decision]:
    """q35 first."""
    return [_decided(one, environment, limits) for one in candidates(request, environment)]


def _excluded(decisions: list[Decision]) -> tuple[Excluded, ...]:
    return tuple(
        Excluded(machine=one.candidate.machine, findings=one.candidate.findings, problems=one.candidate.problems)
        for one in decisions
        if one.candidate.guest is None
    )


def _decided(candidate: Candidate, environment: Environment, limits: Limits) -> Decision:
    """A layout that the OS or a host cannot cope with, by what the request states, excludes its machine."""
    if candidate.guest is None:
        return Decision(candidate, Infeasible(findings=candidate.findings))
    decision = Decision(candidate, best_known(candidate.guest, limits))
    if decision.layout is None:
        return decision
    found = verify_for(environment, decision.layout)
    errors = tuple(finding for finding in found if finding.severity == "error")
    if errors:
        return Decision(replace(candidate, guest=None, findings=errors), Infeasible(findings=errors))
    return replace(decision, warnings=tuple(found))


def _chosen(decisions: list[Decision]) -> Decision:
    """Of those with a layout the preferred; else of those that are requests at all."""
    able = [one for one in decisions if one.layout is not None] or [one for one in decisions if one.candidate.guest]
    if len(able) < 2:
        return (able or decisions)[0]
    q35, pc = able
    guest = q35.candidate.guest
    assert guest is not None
    if guest.policy.preset == "legacy-on-i440fx":
        return pc if _early(guest) else q35
    if guest.policy.preset in ("prefer-q35", "strict-modern") or q35.layout is None or pc.layout is None:
        return q35
    return q35 if _preferences(q35.layout) <= _preferences(pc.layout) else pc


def _early(guest: Guest) -> list[str]:
    """Devices that must offer virtio 0.9."""
    return [device.id for device in guest.devices if device.fixed_mode in OFFERS["L"]]


def _preferences(layout: Layout) -> int:
    return next(term.value for term in layout.objective if term.term == "preferences")


def advise(request: Mapping[str, Any], environment: Environment, options: Options | None = None) -> Advice:
    """The decision with a reason for each device, and what other decisions would cost.

    `request` is a guest as a mapping, before it is checked: `machine` may be `auto` or missing, `virtio` `auto-by-os`
    or missing. Where no machine is possible, the outcome is Infeasible with the findings of all; where the machine
    chosen has no layout, it is what `explain` answers. Time limits hold for all that is planned together. Raises
    nothing: what is wrong with the request itself is in `excluded`, as problems.
    """
    options = options or Options()
    limits = Limits.of(options)
    decisions = _decisions(request, environment, limits)
    chosen, excluded = _chosen(decisions), _excluded(decisions)
    layout, outcome = chosen.layout, chosen.outcome
    if chosen.candidate.guest is None:
        outcome = Infeasible(findings=tuple(finding for one in excluded for finding in one.findings))
    elif layout is None:
        outcome = explain(chosen.candidate.guest, options)
    return Advice(
        os=None if environment.os is None else environment.os.id,
        hosts=tuple(host.words for host in environment.hosts),
        variant=None if layout is None else _variant(chosen, layout),
        machine=None if layout is None else layout.machine,
        devices=() if layout is None else tuple(_devices(chosen.candidate, layout, environment)),
        warnings=chosen.warnings,
        excluded=excluded,
        alternatives=() if layout is None else tuple(_alternatives(chosen, layout, decisions, environment, limits)),
        guest=chosen.candidate.guest,
        outcome=outcome,
    )


def _devices(candidate: Candidate, layout: Layout, environment: Environment) -> Iterator[DeviceAdvice]:
    assert candidate.guest is not None
    for device, seat in zip(candidate.guest.devices, layout.devices, strict=True):
        yield DeviceAdvice(
            id=seat.id,
            model=seat.model,
            driver=seat.driver,
            virtio=None if seat.virtio is None else seat.virtio.value,
            virtio_by=None if seat.virtio is None else device.virtio_by,
            address=str(seat.address),
            reason=reason(candidate, seat, layout, environment),
        )


# ---- what else there would be


def _variant(decision: Decision, layout: Layout) -> Variant:
    """On q35 by where most of what must offer virtio 0.9 sits."""
    guest = decision.candidate.guest
    if decision.candidate.family == "pc":
        return "i440fx"
    early = () if guest is None else _early(guest)
    if not early:
        return "q35"
    on_root = sum(seat.bus == "pcie.0" for seat in layout.devices if seat.id in early)
    return "q35-root-complex" if on_root * 2 > len(early) else "q35-bridge"


def _alternatives(
    chosen: Decision, layout: Layout, decisions: list[Decision], environment: Environment, limits: Limits
) -> Iterator[Alternative]:
    mine = _variant(chosen, layout)
    cold = set(cold_plug(layout))
    for decision in decisions:
        if decision.candidate.guest is not None and decision is not chosen:
            yield _alternative(decision, cold)
    guest = chosen.candidate.guest
    if guest is None or not mine.startswith("q35-"):
        return
    variants: tuple[tuple[Variant, str], ...] = (("q35-bridge", "required"), ("q35-root-complex", "never"))
    for variant, need in variants:
        if variant != mine:
            changed = guest.model_copy(update={"devices": tuple(_with_need(guest, need))})
            candidate = Candidate(chosen.candidate.family, chosen.candidate.machine, changed)
            yield _alternative(_decided(candidate, environment, limits), cold, variant)


def _with_need(guest: Guest, need: str) -> Iterator[Any]:
    early = _early(guest)
    for device in guest.devices:
        able = device.id in early and (need == "never" or model_of(device).hotpluggable)
        yield device.model_copy(update={"hotplug": need}) if able else device


def _alternative(decision: Decision, cold: set[str], variant: Variant | None = None) -> Alternative:
    layout, outcome = decision.layout, decision.outcome
    if variant is None:
        variant = "i440fx" if decision.candidate.family == "pc" else "q35"
        variant = variant if layout is None else _variant(decision, layout)
    return Alternative(
        variant=variant,
        machine=decision.candidate.machine,
        possible=layout is not None,
        objective=() if layout is None else layout.objective,
        cold=() if layout is None else tuple(one for one in cold_plug(layout) if one not in cold),
        findings=outcome.findings if isinstance(outcome, Infeasible) else (),
    )
