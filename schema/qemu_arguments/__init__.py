"""QEMU's command line: what its arguments say, and what of it matters to the PCI layout."""

from .adopted import guest_data as guest_data
from .command_line import CommandLine as CommandLine
from .command_line import read_command_line as read_command_line
from .device import SEAT as SEAT
from .device import DeviceArgument as DeviceArgument
from .device import completed as completed
from .device import read_device as read_device
from .device_types import device_type as device_type
from .device_types import is_elsewhere as is_elsewhere
from .effects import INTEL_IOMMU as INTEL_IOMMU
from .effects import Effects as Effects
from .effects import effects as effects
from .functions import controller_model as controller_model
from .functions import nameless as nameless
from .request import UnknownDevice as UnknownDevice
from .request import device_fields as device_fields
from .request import undescribed as undescribed
from .values import QemuArgumentError as QemuArgumentError
