"""Demanded controllers: lone ones, chains of one inside the other, and bridges that use up the IO space."""

from typing import Final

from ...schema.pci.controllers import CONTROLLERS, SWITCH
from . import spelling
from .draft import Data, Draft
from .pins import pin
from .properties import draw_properties

_MODELS: Final = {
    "q35": (
        *("pcie-root-port", "pcie-root-port", "pcie-pci-bridge", "x3130-upstream", "xio3130-downstream", "pci-bridge"),
        *("pxb-pcie", "ioh3420", "i82801b11-bridge"),
    ),
    "pc": (*("pci-bridge", "pxb", "pci-bridge", "pci-bridge", "pxb", "pci-bridge"), "ioh3420", "pcie-root-port"),
}
CHAINS: Final = {
    "q35": (
        ("pcie-root-port",),
        ("pcie-root-port", "pcie-pci-bridge"),
        ("pcie-pci-bridge", "pci-bridge"),
        ("pcie-root-port", "x3130-upstream", "xio3130-downstream"),
        ("pxb-pcie", "pcie-root-port"),
        ("pxb-pcie", "ioh3420", "pcie-pci-bridge", "pci-bridge"),
        ("ioh3420", "pcie-pci-bridge"),
        ("i82801b11-bridge", "pci-bridge"),
        ("x3130-upstream", "xio3130-downstream"),
    ),
    "pc": (
        ("pci-bridge",),
        ("pci-bridge", "pci-bridge"),
        ("pxb", "pci-bridge"),
        ("ioh3420",),
        ("pcie-root-port", "pcie-pci-bridge", "pci-bridge"),
        ("ioh3420", "x3130-upstream", "xio3130-downstream"),
    ),
}
"""Each inside the one before; the first may be open, that is, without an address of its own."""
WINDOWS: Final = {("q35", "seabios"): 14, ("q35", "ovmf"): 9, ("pc", "seabios"): 8, ("pc", "ovmf"): 3}
"""IO windows that the firmware has room for beside the chipset."""


def draw_controllers(draft: Draft) -> None:
    """Fills the draft with controllers."""
    draw = draft.draw
    if "io" in draft.themes and draw.chance(0.5):
        fill_io_space(draft)
    if draft.themed("inside", 0.9, 0.05):
        for _ in range(draw.integer(1, 1 if draft.size.small else 2)):
            _chain(draft)
    keen = {"controllers", "bridges", "buses", "io", "spare"} & draft.themes
    count = draw.integer(1, 4) if keen else draw.choice((0, 0, 0, 1, 2))
    if not draft.size.small:
        count *= draw.integer(1, 3)
    for _ in range(len(draft.controllers), count):
        model = draw.choice((*_MODELS[draft.family], *_behind_listed(draft)))
        if "io" in draft.themes and draw.chance(0.5):
            model = "pcie-root-port" if draft.family == "q35" else "pci-bridge"
        _add(draft, model, pin(draft, CONTROLLERS[model].needs) if draw.chance(0.4) else None)


def _behind_listed(draft: Draft) -> tuple[str, ...]:
    """On pc, what goes behind ports that are there already: none is made for it."""
    if draft.family == "q35":
        return ()
    listed = [CONTROLLERS[one["model"]] for one in draft.controllers]
    ports = ("pcie-pci-bridge", "x3130-upstream") if any(one.is_port for one in listed) else ()
    return (*ports, "xio3130-downstream") if any(one.bus is SWITCH for one in listed) else ports


def fill_io_space(draft: Draft) -> None:
    """Bridges without a free slot whose reserves leave few windows to others."""
    model = "pcie-root-port" if draft.family == "q35" else "pci-bridge"
    pages = WINDOWS[draft.family, draft.firmware] - draft.draw.integer(0, 2)
    for bit in reversed(range(pages.bit_length())):
        if pages >> bit & 1:
            name = f"c{len(draft.controllers)}"
            slot = 0x10 + len(draft.controllers)
            draft.pinned[draft.root, slot] = {0}
            entry = {"id": name, "model": model, "address": f"{draft.root}:{slot:02x}.0"}
            reserve = spelling.size(draft.draw, 4096 << bit)
            draft.controllers.append(entry | {"properties": {"io-reserve": reserve}})
            draft.full.append(name)


def _chain(draft: Draft) -> None:
    draw = draft.draw
    above: str | None = None
    for model in draw.choice(CHAINS[draft.family]):
        address = None
        if above is not None:
            bus = draft.buses()[above]
            slot = min(bus.first_slot + draw.integer(0, 2), bus.last_slot)
            address = f"{above}:{slot:02x}" + (".0" if draw.chance(0.5) else "")
            draft.pinned[above, slot] = {0}
        elif draw.chance(0.2):
            address = pin(draft, CONTROLLERS[model].needs)
        above = _add(draft, model, address)


def _add(draft: Draft, model: str, address: str | None) -> str:
    name = f"c{len(draft.controllers)}"
    draft.controllers.append(_controller(draft, name, model, address))
    return name


def _controller(draft: Draft, name: str, model: str, address: str | None) -> Data:
    draw = draft.draw
    entry: Data = {"id": name, "model": model}
    if address is not None:
        entry["address"] = address
    properties = draw_properties(draft, name, model)
    node = draft.node(0.8 if CONTROLLERS[model].is_expander else 0.2)
    if "numa_node" in properties:
        node = int(properties["numa_node"]) if draw.chance(0.2) and type(properties["numa_node"]) is int else None
    if node is not None:
        entry["numa"] = node
    if CONTROLLERS[model].is_port and "hotplug" not in properties and draft.themed("hotplug", 0.4, 0.1):
        entry["hotplug"] = draw.choice((False, "off"))
    if properties:
        entry["properties"] = properties
    return entry
