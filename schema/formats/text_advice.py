"""The words of an advice: the answer, a line a device, what is excluded and why, what else it would cost."""

from collections.abc import Iterator, Sequence
from typing import Final

from ..environment.advice import Advice, Alternative, Excluded, Variant
from ..finding import Finding
from ..layout.layout import Layout, ObjectiveTerm
from ..layout.outcome import Infeasible
from .text_explanation import explanation, listed

VARIANTS: Final[dict[Variant, str]] = {
    "i440fx": "i440fx",
    "q35": "q35",
    "q35-bridge": "q35, virtio 0.9 behind a conventional bridge",
    "q35-root-complex": "q35, virtio 0.9 on the root complex",
}

MEANS: Final = {"type": "the device type", "property": "properties"}


def advice_text(advice: Advice) -> str:
    """Several lines, the last without an end."""
    outcome = advice.outcome
    layout = None if isinstance(outcome, Infeasible) else outcome.layout
    lines = [f"{_whom(advice)}: {_answer(advice, layout)}"]
    if layout is not None:
        lines += [f"cost: {_costs(layout.objective)}", *_table(advice)]
    lines += [f"warning: {because(one)}" for one in advice.warnings]
    lines += [line for one in advice.excluded for line in excluded_lines(one)]
    if advice.guest is not None and isinstance(outcome, Infeasible):
        lines.append(explanation(advice.guest, outcome))
    if advice.alternatives:
        lines += ["alternatives:", *(f"  {_alternative(one)}" for one in advice.alternatives)]
    return "\n".join(lines)


def excluded_lines(one: Excluded) -> Iterator[str]:
    """A line for each reason why that machine is out of the question."""
    for finding in one.findings:
        if finding.severity == "error":
            yield f"excluded: {one.machine}: {because(finding)}"
    for problem in one.problems:
        yield f"excluded: {one.machine}: {problem}"


def _whom(advice: Advice) -> str:
    hosts = f"{len(advice.hosts)} host{'s' if len(advice.hosts) > 1 else ''} ({', '.join(advice.hosts)})"
    return " on ".join(filter(None, (advice.os, hosts if advice.hosts else ""))) or "any OS on any host"


def _answer(advice: Advice, layout: Layout | None) -> str:
    if layout is None or advice.variant is None:
        if advice.guest is None:
            return "no machine will do"
        found = "no layout" if isinstance(advice.outcome, Infeasible) else "none found yet: a limit was hit"
        return f"machine {advice.guest.machine} would do, but {found}"
    proved = "" if layout.status == "optimal" else "; not proved to be the best"
    return f"{VARIANTS[advice.variant]} (machine {layout.machine}, {layout.firmware.name}){proved}"


def _table(advice: Advice) -> list[str]:
    rows = [(one.id, one.driver, one.address, one.reason) for one in advice.devices]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return ["  " + "  ".join([*map(str.ljust, row, widths), row[3]]) for row in rows]


def _alternative(one: Alternative) -> str:
    start = f"{VARIANTS[one.variant]} (machine {one.machine}): "
    if not one.possible:
        return start + ("; ".join(map(str, one.findings)) or "no layout found")
    lost = f"; no longer hot-pluggable: {listed(one.cold)}" if one.cold else ""
    return start + _costs(one.objective) + lost


def _costs(objective: Sequence[ObjectiveTerm]) -> str:
    value = {term.term: term.value for term in objective}
    windows, count, unmet = value["io_windows"], value["controllers"], value["preferences"]
    parts = [
        f"{windows} bytes of IO windows" if windows else "no IO window",
        f"{count} controller{'s' if count != 1 else ''}",
        f"preferences not met, weighted: {unmet}" if unmet else "",
    ]
    return ", ".join(filter(None, parts))


def because(finding: Finding) -> str:
    """What an OS or a host does not cope with."""
    numbers, who = finding.details, listed(finding.subjects) if finding.subjects else ""
    if finding.rule == "os-driver":
        mode = f" in mode {numbers['mode']}" if "mode" in numbers else ""
        return f"{who}: {numbers['os']} has no driver for {numbers['model']}{mode}"
    if finding.rule == "os-machine":
        what = f"firmware {numbers['firmware']}" if "firmware" in numbers else f"machine {numbers['machine']}"
        return f"{numbers['os']} does not support {what}"
    if finding.rule == "machine-needs":
        return f"only q35 has {numbers['need']}"
    if finding.rule == "host-machine":
        if "hosts" in numbers:
            return f"no version of it is known to all hosts: {numbers['hosts']}"
        return f"{numbers['host']} is not known to have it"
    if finding.rule == "host-model":
        if "lacks" in numbers:
            modes, lacks = (str(numbers[name]).split(", ") for name in ("mode", "lacks"))
            must = f"{numbers['model']} must be {' or '.join(modes)}"
            means = " or ".join(MEANS[one] for one in lacks)
            return f"{who}: {must}, and {numbers['host']} is not known to take that by {means}"
        how = f" in mode {numbers['mode']}" if "mode" in numbers else ""
        return f"{who}: {numbers['host']} does not know {numbers['model']}{how}"
    return str(finding)
