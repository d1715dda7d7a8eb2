"""Devices of the host that a guest is given: what sysfs, `lspci` or `virsh nodedev-dumpxml` says of them."""

from .device import NO_HOST as NO_HOST
from .device import HostDevice as HostDevice
from .device import HostDevices as HostDevices
from .fill import with_host_devices as with_host_devices
from .read import Sources as Sources
from .read import as_here as as_here
from .read import of_this_machine as of_this_machine
from .read import read_host_devices as read_host_devices
