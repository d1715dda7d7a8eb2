"""qslot.schema: what is true of a guest's PCI layout. Knows no solver."""

from .address import Address as Address
from .address import Pin as Pin
from .connect import Connector as Connector
from .connect import VirtioMode as VirtioMode
from .device import Bar as Bar
from .device import Controller as Controller
from .device import Device as Device
from .device import Spare as Spare
from .finding import Finding as Finding
from .guest import Firmware as Firmware
from .guest import Guest as Guest
from .guest import Policy as Policy
from .layout import Layout as Layout
from .machine import Chipset as Chipset
from .outcome import Infeasible as Infeasible
from .outcome import Outcome as Outcome
from .outcome import Solved as Solved
from .outcome import Undecided as Undecided
