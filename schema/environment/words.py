"""What findings about operating systems and hosts say in words."""

from typing import Final

from ..finding import Finding
from ..words import listed

MEANS: Final = {"type": "the device type", "property": "properties"}
"""What tells QEMU a virtio mode."""


def because(finding: Finding) -> str:
    """What an OS or a host does not cope with."""
    numbers, who = finding.details, listed(finding.subjects)
    if finding.rule == "os-driver":
        mode = f" in mode {numbers['mode']}" if "mode" in numbers else ""
        packaged = ", but its driver packages have one: --drivers packages" if "packages" in numbers else ""
        return f"{who}: {numbers['os']} has no driver for {numbers['model']}{mode}{packaged}"
    if finding.rule == "os-machine":
        what = f"firmware {numbers['firmware']}" if "firmware" in numbers else f"machine {numbers['machine']}"
        return f"{numbers['os']} does not support {what}"
    if finding.rule == "machine-needs":
        return f"only q35 has {numbers['need']}"
    if finding.rule == "host-machine":
        if "hosts" in numbers:
            return f"no version of it is known to all hosts: {numbers['hosts']}"
        return f"{numbers['host']} is not known to have it"
    if finding.rule == "host-firmware":
        where = f"{numbers['host']} ({numbers['firmware']})"
        if "fails" in numbers:
            return f"on {where} the guest does not boot with this layout (rule {numbers['fails']})"
        if finding.severity == "error":
            return f"on {where} the firmware loses {who}"
        return f"on {where} the firmware gives other addresses to {who}"
    if finding.rule == "host-phys-bits":
        has = f"{numbers['has']} physical address bits"
        return f"the CPU of {numbers['host']} has {has}, and the guest's {numbers['phys_bits']}"
    if finding.rule == "host-model":
        if "lacks" in numbers:
            modes, lacks = (str(numbers[name]).split(", ") for name in ("mode", "lacks"))
            must = f"{numbers['model']} must be {' or '.join(modes)}"
            means = " or ".join(MEANS[one] for one in lacks)
            return f"{who}: {must}, and {numbers['host']} is not known to take that by {means}"
        how = f" in mode {numbers['mode']}" if "mode" in numbers else ""
        return f"{who}: {numbers['host']} does not know {numbers['model']}{how}"
    return str(finding)
