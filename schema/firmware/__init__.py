"""What the firmware does with a layout: bus numbers and IO ports. Memory windows will come from the same tree."""

from ..layout import Layout
from . import ovmf, seabios
from .prediction import Prediction as Prediction
from .tree import tree_of


def predict(layout: Layout) -> Prediction:
    """Bus numbers, guest addresses and IO ports that the layout's firmware will assign, or why it fails.

    Needs nothing but the layout. Raises UnknownModel for a device that neither the catalogue nor the layout describes.
    """
    tree = tree_of(layout)
    devices = tuple(device.id for device in layout.devices)
    if layout.firmware.name == "ovmf":
        return ovmf.predict(tree, devices, layout.firmware.number)
    return seabios.predict(tree, devices)
