"""Functions of the host as `virsh nodedev-dumpxml` describes them: one element `<device>`, or several after each other.

Source: libvirt 9.0's nodedev.rng. It has their IOMMU groups, and whether they are PCI Express; no BARs.
"""

import re
from typing import Final
from xml.etree import ElementTree

from ..bounded_xml import xml_root
from ..pci.host_address import HostAddress
from .device import HostDevice, Listed

_DECLARATION: Final = re.compile(r"<\?xml[^>]*\?>|<!--.*?-->", re.DOTALL)


def read_nodedev(text: str) -> Listed:
    """Every PCI function described, whatever is around it. Raises UnreadableError for what is no such XML."""
    root = xml_root(f"<devices>{_DECLARATION.sub('', text)}</devices>")
    found = {}
    for capability in root.iterfind(".//device/capability[@type='pci']"):
        address = _address(capability)
        if address is not None:
            group = capability.find("iommuGroup")
            number = "" if group is None else group.get("number", "")
            found[address] = HostDevice(
                express=capability.find("pci-express") is not None,
                iommu_group=int(number) if number.isdecimal() else None,
            )
    return Listed(found)


def _address(capability: ElementTree.Element) -> HostAddress | None:
    try:
        return HostAddress(*(int(capability.findtext(part, ""), 0) for part in HostAddress._fields))
    except ValueError:
        return None
