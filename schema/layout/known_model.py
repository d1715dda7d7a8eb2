"""What is known of the models in a layout, which may state any."""

from ..catalog import DeviceModel, UnknownModel, find
from ..pci.controllers import CONTROLLERS, ControllerModel
from .layout import PlacedController, PlacedDevice


def known_model(device: PlacedDevice) -> DeviceModel | None:
    """Its entry, or what stands for it where the layout describes the device itself; None for what nothing
    describes."""
    try:
        return find(device.model, described=device.bars is not None)
    except UnknownModel:
        return None


def controller_model(controller: PlacedController) -> ControllerModel:
    """Its model. Raises UnknownModel."""
    if controller.model not in CONTROLLERS:
        raise UnknownModel(controller.model, reason=f"{controller.id} is no controller that is known here")
    return CONTROLLERS[controller.model]
