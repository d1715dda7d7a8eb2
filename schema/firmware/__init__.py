"""What the firmware does with a layout: bus numbers, IO ports and memory."""

from ..errors import expect
from ..layout.layout import Layout
from . import seabios
from .prediction import Prediction as Prediction
from .tree import tree_of


def predict(layout: Layout, *, memory: bool = True) -> Prediction:
    """Bus numbers, guest addresses, IO ports and memory that the layout's firmware will assign, or why it fails.

    Needs nothing but the layout. Without `memory` it takes a third of the time, and is right wherever nothing fails.
    Raises UnknownModel for a controller of no kind and a device that nothing describes, ModeError for a virtio device
    in a mode that it cannot have, ArgumentError for what is no layout.
    """
    expect("layout", layout, Layout, "a Layout, as qslot.solve(guest).require() gives one")
    tree = tree_of(layout)
    devices = tuple(device.id for device in layout.devices)
    if layout.firmware.name == "ovmf":
        from . import ovmf  # late: the command is to start fast

        return ovmf.predict(tree, devices, layout.firmware.number, memory=memory)
    return seabios.predict(tree, devices, layout.firmware.number, memory=memory)


def fails_in_any_order(layout: Layout) -> bool:
    """Of a layout that fails for want of IO or memory: whether all others with the same things on the same buses do.

    Raises UnknownModel as `predict`.
    """
    if layout.firmware.name == "ovmf":
        from . import ovmf

        return ovmf.fails_in_any_order(tree_of(layout), layout.firmware.number)
    # SeaBIOS adds sizes up in the order of their alignment, whatever the slots; these decide which BARs it misaligns
    return not predict(layout).misplaced


def exceeds_memory(layout: Layout) -> bool:
    """Whether memory below 4 GiB runs out, and would whatever else the layout held. Never known of OVMF.

    Raises UnknownModel as `predict`.
    """
    return layout.firmware.name == "seabios" and seabios.exceeds_memory(tree_of(layout), layout.firmware.number)
