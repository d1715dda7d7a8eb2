"""What the catalogue knows of a device in a layout."""

from ..catalog import DeviceModel, UnknownModel, find
from .layout import PlacedDevice


def known_model(device: PlacedDevice) -> DeviceModel | None:
    """Its entry, or what stands for it where the layout describes the device itself; None for what nothing
    describes."""
    try:
        return find(device.model, described=device.bars is not None)
    except UnknownModel:
        return None
