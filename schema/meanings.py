"""What a rule or a preference means, by example, and what to do where it is broken or not met."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from .rules import ENVIRONMENT_RULES, LAYOUT_RULES, RULES, STATEMENT_RULES
from .weights import WEIGHTS

SEMANTICS: Final = Path(__file__).with_name("semantics.md")
"""docs/semantics.md, which packages carry with them."""
OBJECTIVE: Final = "objective"
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_HEADING: Final = re.compile(r"^#{2,3} (.*)\n", re.MULTILINE)
_FENCE: Final = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of a code. Sentences, but for `text`, which is a page of Markdown without links."""

    code: str
    kind: str
    """`layout`, `environment` (OS and hosts), `statement` (what a layout says of itself), `warning`, `preference`."""
    sentence: str
    mend: str
    """What to do."""
    source: str
    """Who enforces it, or where it was measured."""
    text: str
    """What it means to the letter, with examples that are allowed and refused."""


def meaning(code: str) -> Meaning:
    """Of a rule or a preference. Raises KeyError for a code that is neither."""
    if code in WEIGHTS:
        sentence = f"a preference, of weight {WEIGHTS[code]}: {PREFERENCES[code]}"
        return Meaning(code, "preference", sentence, MENDS[code], "qslot", _preference(code))
    rule = RULES[code]
    return Meaning(code, _kind(code), rule.sentence, MENDS.get(code, ""), rule.source, _section(code))


def _kind(code: str) -> str:
    kinds = {"layout": LAYOUT_RULES, "environment": ENVIRONMENT_RULES, "statement": STATEMENT_RULES}
    return next((kind for kind, rules in kinds.items() if any(rule.code == code for rule in rules)), "warning")


@cache
def _sections() -> dict[str, str]:
    parts = _HEADING.split(SEMANTICS.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _section(code: str) -> str:
    """Without links; examples are indented."""
    text = _LINK.sub(r"\1", _sections().get(code, ""))
    return _FENCE.sub(lambda found: _indented(found[1]), text).strip()


def _preference(code: str) -> str:
    """Its row of the table there."""
    rows = (line.strip("| ").split(" | ") for line in _section(OBJECTIVE).split("\n") if line.startswith("| "))
    return next((f"Counted: {row[2]}." for row in rows if row[0] == code), "")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip().split("\n"))


PREFERENCES: Final = {
    "hotplug-unmet": "a device that would rather be hot-pluggable is not",
    "express-on-conventional": "a PCI Express device sits on a conventional bus of q35",
    "express-on-root": "a PCI Express device sits on pcie.0 itself, not behind a port",
    "legacy-on-port": "a virtio 0.9 device sits behind a port, which opens an IO window for it alone",
    "shared": "a device shares its slot with what is not of its own group",
    "iommu-space": "several IOMMU groups share an address space below a vIOMMU",
    "foreign-node": "a device without a NUMA wish sits below an expander",
    "switch": "there is a switch that nobody asked for",
    "chipset-place": "the first video, USB 2 or ich9 audio device could sit where a chipset has its own, and does not",
}
"""What each preference of WEIGHTS is about, where it is not met."""

_PIN: Final = "Free the address, or give another one: `address` of the device, <address> in domain XML."
_REQUEST: Final = "Plan the request anew: the layout was changed by hand, or answers another request."
_EMIT: Final = "Plan anew, or take `--to argv` or `--to libvirt` of a layout as it is: they say what QEMU needs."

MENDS: Final = {
    "complete": _REQUEST,
    "tree": "Name a bus that exists and stands earlier, and give each id once.",
    "machine-model": "Leave the controller out, or choose the machine that has it: PCI Express is q35's, pxb is pc's.",
    "as-requested": _REQUEST,
    "address-range": f"{_PIN} `qslot catalog CONTROLLER` says which slots its bus has.",
    "address-unique": _PIN,
    "chipset": f"{_PIN} Or leave the chipset's function out: `chipset: {{sata: false, smbus: false}}`.",
    "reserve": "Take the address out of `reserve`, or the device off it.",
    "pin": _REQUEST,
    "function-zero": "Put something at function 0 of that slot, or move the others to slots of their own.",
    "multifunction": _EMIT,
    "slot-sharing": "Give each a slot of its own; or `hotplug: never` to those that are to share one.",
    "group": "Let the members follow one another from function 0 on, in one slot, or pin each `.FUNCTION`.",
    "connect": "Put it on a bus that takes it: `qslot explain GUEST DEVICE` shows where it can sit.",
    "virtio-slot": "Say the mode (`virtio: modern`), or let it sit where the slot makes the one that is wished.",
    "integrated": "Put it on the root bus, pcie.0.",
    "companion": "Leave that slot free, or state the address of the PCI half.",
    "single-balloon": "Leave out all but one balloon.",
    "single-model": "Leave out all but one of them, or take another model for the others.",
    "iommu-group": "Put them below one pcie-pci-bridge, or leave out the vIOMMU, or all but one of the group.",
    "hotplug": "`hotplug: preferred` lets it sit elsewhere; else give it room: another port, another bridge, no pin.",
    "eject": "Plan the request anew; or leave `policy.eject` out, where something must be plugged into pci.0.",
    "numa": "Raise `numa_nodes`, let the expander have that node, or leave the device's `numa` out.",
    "near": "Pin both to one root bus, or leave `near` out.",
    "near-switch": "Leave `near_switch` out, or pin both below one x3130-upstream.",
    "order": "Leave a device out of `order`, or free it of what puts it elsewhere; `qslot explain GUEST` says which.",
    "spare": "Ask for fewer spare slots, or less room in them; root ports and pci-bridges keep it, others do not.",
    "preset": "Take another preset: by default devices may share bridges and sit where a slot is left.",
    "kept-controllers": "`--prune` lets controllers go that nothing stays in; what must change is said in the request.",
    "frozen": "Leave `policy.frozen` out: as few devices move as can be, all the same.",
    "bus-numbers": "Use fewer ports: devices that need no hot-plug can share slots, and bridges hold 31 devices.",
    "io-space": "Put what has IO ports behind one conventional bridge, which shares one window; or use virtio 1.0.",
    "memory-space": "Leave out the largest BARs or reserves, give the CPU more address bits, or use OVMF.",
    "max-controllers": "Raise `policy.max_controllers`, or let more devices be without hot-plug.",
    "max-depth": "Raise `policy.max_depth`.",
    "controller-properties": "`qslot catalog CONTROLLER` lists the properties it has; give a value in range.",
    "chassis": "Leave `chassis` and `slot` out, then they are numbered; or give each port another pair.",
    "chassis-nr": "Leave `chassis_nr` out, then it is numbered; or give each bridge another one.",
    "shpc": "Leave `shpc` out: it is off where that is right.",
    "reserves": "Leave the reserve out, or make it larger than what is below.",
    "os-machine": "Choose another machine or firmware: `qslot advise GUEST --os ID` says which will do.",
    "os-driver": "Choose another mode or model, as `qslot advise` says; `--drivers packages` counts those of packages.",
    "machine-needs": "Say `machine: q35`, or leave out what only that has.",
    "host-machine": "Name an older machine type, or leave the host out; `machine: auto` chooses one that all have.",
    "host-model": "Leave the mode to the plan, or the host out.",
    "host-firmware": "Plan for that host (`--host` it alone), or use the same firmware on all.",
    "host-phys-bits": "Say `phys_bits` that every host has; or `host_phys_bits: true`, which is each host's own.",
    "objective": _REQUEST,
    "hash": "Plan the request anew, or check the layout against the request that it answers.",
    "prediction": "Plan anew: the layout was changed by hand, or another qslot wrote it.",
    "wasteful-pin": "Free the address, if nothing depends on it; `qslot explain GUEST DEVICE` says what it costs.",
    "shpc-driver": "Load shpchp in the guest, turn ACPI on, or put the device behind a port.",
    "host-files": "Make sure that you know who wrote the layout; `qslot probe` then takes `--allow-host-files`.",
    "no-acpi": "Add <acpi/> to <features>, or say `hotplug: never` for these devices.",
    "firmware-version": "Name a measured version, or hold the plan against the firmware with `qslot probe`.",
    "qemu-version": "Hold the plan against that QEMU with `qslot probe --qemu BIN`.",
    "split-card": "Give the functions one `group`, or plan with `--preset whole-cards`.",
    "unknown-bars": "Show the device: `--host-devices` with a copy of `lspci -vvv -nn`, or `bars` in the request.",
    "unread-input": "Say it in the request by other means, or leave it out if it takes no slot.",
    "machine-version": "`--machine-as pc-q35-8.2` says which upstream version the machine type stands for.",
    "host-cpu": "Say the CPU's vendor and address bits: `cpu: {vendor: amd}`, `phys_bits: 46`.",
    "out-of-reach": "Say `phys_bits: 46` if the CPU has so many; use OVMF, which keeps within them; or ask for less.",
    "companion-order": "Leave no slot free before it, or use QEMU 11 and state its address.",
    "unknown-iommu-group": "Say `iommu_group` of each device of the host, or show them by `--host-devices`.",
    "caching-mode": "Set caching-mode=on of the intel-iommu, and say `chipset: {caching_mode: true}`.",
    "boot-disk": "Give the disk that the guest starts from a `bootindex`, or state an `order` that begins with it.",
    "iommu-platform": "Set `iommu_platform: on` among the device's properties (driver iommu='on' in domain XML).",
    "ejectable": "Put them on pcie.0 or behind ports of their own, whose `hotplug` the request leaves open.",
    "express-on-pc": "Say `machine: q35`, or take conventional bridges (pci-bridge) on pc.",
    "sriov-pf": "Give the physical function and its virtual ones one `group`, the physical one first, and no pins.",
    "virtual-functions": "Free those addresses: `qslot rules virtual-functions` says which a device takes.",
    "hotplug-unmet": "Say `hotplug: required` if it must be, `never` if it need not; `qslot explain` of it says why.",
    "express-on-conventional": "Pin it behind a port, or allow more controllers.",
    "express-on-root": "Pin it behind a port, or allow more controllers.",
    "legacy-on-port": "Let it be virtio 1.0, or sit on a conventional bridge with others.",
    "shared": "Free bus numbers or slots: fewer controllers that are listed, fewer spare slots.",
    "iommu-space": "Nothing need be done, but the guest cannot keep their DMA apart.",
    "foreign-node": "Say the `numa` of the device, or leave `near` out.",
    "switch": "Nothing need be done: ports had run out, and a switch offers more.",
    "chipset-place": "Nothing need be done, unless the guest's drivers look there: then pin it.",
}
"""What to do about each rule that is broken, and each preference that is not met."""
