"""What is said above and below a layout, in text and in pictures."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..finding import Finding
from ..firmware import Prediction
from ..hotplug.slots import free_places, told
from ..layout.layout import Layout, telling
from ..layout.preference import together
from ..layout.topology import topology_of
from ..pci.qemu_versions import version_text

RESERVED: Final = "IO reserve: the firmware opens it by itself, for what may come; it is not among bytes of IO windows"


def heading_parts(layout: Layout) -> list[str]:
    """Machine and firmware, how many of what, and what is free for hot-plug, spare slots among it."""
    models = Counter(controller.model for controller in layout.controllers)
    controllers = ", ".join(f"{count} {model}" for model, count in models.items())
    spare = Counter(slot.kind for slot in layout.spare)
    parts = [
        f"{layout.machine}, QEMU {version_text(layout.qemu_version)}{'' if layout.platform.qemu else ' (assumed)'}, "
        f"{layout.firmware.name} {layout.firmware.version}",
        _count(len(layout.devices), "device"),
        _count(len(layout.controllers), "controller") + (f" ({controllers})" if controllers else ""),
    ]
    if spare:
        parts.append("spare: " + ", ".join(f"{count} {kind}" for kind, count in sorted(spare.items())))
    free = Counter[str](place.kind for place in free_places(layout))
    parts.append(f"free for hot-plug: {told(free)}")
    return parts


def hangs_nowhere(layout: Layout) -> bool:
    """Whether something sits on a bus that cannot be reached from the root: what the layout claims is then void."""
    reached = topology_of(layout.machine_model, layout).buses
    return any(seat.bus not in reached for seat in (*layout.controllers, *layout.devices))


def objective(layout: Layout) -> str:
    """A line a term that tells something."""
    return "\n".join(f"  {term}" for term in telling(layout.objective, replanned=layout.replanned is not None))


def footer(layout: Layout, prediction: Prediction | None) -> list[str]:
    """What an IO reserve is, if there is one; what is proved and what it costs, preferences not met, warnings: lines,
    those of a list indented."""
    proved = all(term.value == term.bound for term in layout.objective)
    claim = "optimal, every term proved" if layout.status == "optimal" and proved else "not proved optimal"
    lines = (
        [f"{claim}:", *objective(layout).split("\n")] if layout.objective else [f"{layout.status}:  no objective given"]
    )
    if prediction is not None and not prediction.padding.isdisjoint(one.controller for one in layout.io_windows):
        lines = [RESERVED, "", *lines]
    if hangs_nowhere(layout):
        lines = ["not sound: parts of it hang nowhere (`qslot check` says more). It says of itself:", "", *lines]
    if layout.unmet:
        lines += ["preferences not met:", *(f"  {line}" for line in together(layout.unmet))]
    return lines + (findings(layout.warnings).split("\n") if layout.warnings else [])


def findings(found: Sequence[Finding]) -> str:
    """A line a finding, errors first, then their number; nothing for none."""
    if not found:
        return ""
    lines = [str(finding) for finding in sorted(found, key=lambda finding: finding.severity)]
    counts = Counter(finding.severity for finding in found)
    return "\n".join([*lines, ", ".join(_count(counts[kind], kind) for kind in ("error", "warning") if counts[kind])])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
