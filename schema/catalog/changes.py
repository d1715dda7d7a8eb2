"""What a model's BARs were before, by machine type or by QEMU: the history that a model's rows hold, told in words."""

from dataclasses import dataclass
from typing import Literal

from ..pci.controllers import VirtioMode
from ..pci.machine_types import Version
from . import DeviceModel, measured_qemus
from .bar import ModelBar
from .versions import FIRST, boundaries


@dataclass(frozen=True, slots=True)
class OlderBars:
    """BARs without properties, before a version."""

    by: Literal["machine type", "QEMU"]
    """What decides: the machine type, whatever QEMU runs it, or the QEMU, whatever its machine type."""
    until: Version
    bars: tuple[ModelBar, ...]


def newest_bars(model: DeviceModel, mode: VirtioMode | None) -> tuple[ModelBar, ...]:
    """On the newest machine type of the newest QEMU that has been measured."""
    return model.bars(mode, {}, measured_qemus()[-1], measured_qemus()[-1])


def changes(model: DeviceModel, mode: VirtioMode | None) -> tuple[OlderBars, ...]:
    """From the newest back; `newest_bars` are what each is held against, step by step.

    >>> from . import find
    >>> [(one.by, one.until, [bar.bar for bar in one.bars]) for one in changes(find("virtio-mem"), VirtioMode.MODERN)]
    [('machine type', (10, 0), [4]), ('machine type', (2, 8), [4])]
    """
    qemu = measured_qemus()[-1]
    found, after = [], newest_bars(model, mode)
    limits = boundaries(model.name, virtio=model.virtio is not None)
    for older, until in zip((*limits, FIRST)[1:], limits, strict=True):
        bars = model.bars(mode, {}, older, qemu)
        if bars != after:
            found.append(OlderBars("machine type", until, bars))
        after = bars
    found += [OlderBars("QEMU", until, table.bars(mode, {})) for until, table in reversed(model.earlier)]
    return tuple(found)
