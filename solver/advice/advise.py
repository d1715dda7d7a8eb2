"""What to choose for an operating system and its hosts, why, and what other choices would cost."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ...schema.environment.advice import Advice, Alternative, DeviceAdvice, Variant
from ...schema.environment.candidates import Candidate
from ...schema.environment.target import Environment
from ...schema.environment.why import reason
from ...schema.errors import expect
from ...schema.formats.qemu import cold_plug
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import Infeasible
from ...schema.request.device import Hotplug
from ...schema.request.resolved import model_of
from ..explanation.explain import explained
from ..options import Options
from ..search.cpsat import Limits
from .machine_choice import Decision, best_of, excluded_by, needs_virtio_0_9, plan_candidate, plan_candidates


def advise(request: Mapping[str, Any], environment: Environment, options: Options | None = None) -> Advice:
    """The decision with a reason for each device, and what other decisions would cost.

    `request` is a guest as a mapping, before it is checked: `machine` may be `auto` or missing, `virtio` `auto-by-os`
    or missing. Where no machine is possible, the outcome is Infeasible with the findings of all; where the machine
    chosen has no layout, it is what `explain` answers. Time limits hold for all that is planned together. What is wrong
    with the request itself is in `excluded`, as problems. Raises ArgumentError for arguments of another type.
    """
    expect("request", request, Mapping, "a guest as a mapping, as of qslot.Guest.model_dump()")
    expect("environment", environment, Environment, "an Environment, as of qslot.Environment(os=..., hosts=[...])")
    limits = Limits.of(options)
    decisions = plan_candidates(request, environment, limits)
    chosen, excluded = best_of(decisions), excluded_by(decisions)
    layout, outcome = chosen.layout, chosen.outcome
    if chosen.candidate.guest is None:
        outcome = Infeasible(findings=tuple(finding for one in excluded for finding in one.findings))
    elif layout is None:
        outcome = explained(chosen.candidate.guest, limits)
    alternatives: Iterator[Alternative] = iter(())
    if layout is not None:
        alternatives = _Alternatives(chosen, frozenset(cold_plug(layout)), environment, limits).to(decisions)
    return Advice(
        os=None if environment.os is None else environment.os.id,
        hosts=tuple(host.words for host in environment.hosts),
        variant=None if layout is None else _variant(chosen),
        machine=None if layout is None else layout.machine,
        devices=() if layout is None else tuple(_devices(chosen.candidate, layout, environment)),
        warnings=chosen.warnings,
        excluded=excluded,
        alternatives=tuple(alternatives),
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

Q35_VARIANTS: Final[tuple[tuple[Variant, Hotplug], ...]] = (("q35-bridge", "required"), ("q35-root-complex", "never"))
"""And the hot-plug need that makes them of what must offer virtio 0.9."""


def _variant(decision: Decision) -> Variant:
    """On q35 by where most of what must offer virtio 0.9 sits."""
    layout, guest = decision.layout, decision.candidate.guest
    if decision.candidate.family == "pc":
        return "i440fx"
    early = needs_virtio_0_9(guest) if guest is not None else []
    if guest is None or layout is None or not early:
        return "q35"
    on_root = sum(seat.bus == guest.machine_model.root for seat in layout.devices if seat.id in early)
    return "q35-root-complex" if on_root * 2 > len(early) else "q35-bridge"


@dataclass(frozen=True, slots=True)
class _Alternatives:
    """To the decision chosen; `cold` is what its plan does not hot-plug."""

    chosen: Decision
    cold: frozenset[str]
    environment: Environment
    limits: Limits

    def to(self, decisions: list[Decision]) -> Iterator[Alternative]:
        for decision in decisions:
            if decision.candidate.guest is not None:
                own = _variant(decision)
                if decision is not self.chosen:
                    yield self.told(decision, own)
                for variant, need in Q35_VARIANTS if own.startswith("q35-") else ():
                    if variant != own:
                        yield self.told(self.needing(decision.candidate, need), variant)

    def needing(self, candidate: Candidate, need: Hotplug) -> Decision:
        """With another hot-plug need of what must offer virtio 0.9."""
        assert candidate.guest is not None
        early = needs_virtio_0_9(candidate.guest)
        devices = tuple(
            device.model_copy(update={"hotplug": need})
            if device.id in early and (need == "never" or model_of(device).hotpluggable)
            else device
            for device in candidate.guest.devices
        )
        changed = candidate.guest.model_copy(update={"devices": devices})
        return plan_candidate(replace(candidate, guest=changed), self.environment, self.limits)

    def told(self, decision: Decision, variant: Variant) -> Alternative:
        layout, outcome = decision.layout, decision.outcome
        return Alternative(
            variant=variant,
            machine=decision.candidate.machine,
            possible=layout is not None,
            objective=() if layout is None else layout.objective,
            cold=() if layout is None else tuple(one for one in cold_plug(layout) if one not in self.cold),
            findings=outcome.findings if isinstance(outcome, Infeasible) else (),
        )
