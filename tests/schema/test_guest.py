"""Bad input gives one clear error that names field, value and mend; what is odd but meant is taken."""

from typing import Any

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, VirtioMode

Data = dict[str, Any]

NIC: Data = {"id": "nic", "model": "e1000"}
PORT: Data = {"id": "rp", "model": "pcie-root-port"}
BRIDGE: Data = {"id": "br", "model": "pci-bridge", "address": "pcie.0:03"}
EXPANDER: Data = {"id": "px", "model": "pxb-pcie"}
HOST: Data = {"id": "gpu", "model": "vfio-pci"}


def q35(*devices: Data, **more: Any) -> Data:
    return {"machine": "q35", "devices": list(devices), **more}


def pc(*devices: Data, **more: Any) -> Data:
    return {"machine": "pc", "devices": list(devices), **more}


def several(count: int, **more: Any) -> list[Data]:
    return [{"id": f"d{number}", "model": "e1000", **more} for number in range(count)]


REFUSED: dict[str, tuple[Data, tuple[str, ...]]] = {
    # names
    "unknown model": (q35({"id": "d", "model": "e1000x"}), ("devices.d.model", "'e1000x'", "nearest: e1000")),
    "controller as device": (q35({"id": "d", "model": "pci-bridge"}), ("devices.d.model", "list it under controllers")),
    "device as controller": (q35(controllers=[{"id": "c", "model": "e1000"}]), ("controllers.c.model", "'e1000'")),
    "id twice": (q35(NIC, NIC), ("'nic'", "2 times", "an id of its own")),
    "id of the root bus": (q35({**NIC, "id": "pcie.0"}), ("'pcie.0'", "2 times")),
    "id of a property": (
        q35(controllers=[{**PORT, "id": "slot"}]),
        ("slot", "like one of its properties", "rename it"),
    ),
    "id of an expander's host bridge": (
        q35(controllers=[{**EXPANDER, "id": "bypass-iommu"}]),
        ("bypass-iommu", "rename"),
    ),
    "id of QEMU's container": (q35({**NIC, "id": "type"}), ("devices.0.id", "nothing that is called type")),
    "id QEMU refuses": (q35({**NIC, "id": "1st"}), ("devices.0.id", "1st")),
    "IOMMU for virtio 0.9": (
        pc({"id": "n", "model": "virtio-net", "virtio": "transitional", "properties": {"iommu_platform": "on"}}),
        ("devices.n.virtio", "transitional", "leave one of both out"),
    ),
    "unknown field": (q35({**NIC, "slot": 3}), ("devices.0.slot", "Extra inputs")),
    "unknown machine": ({"machine": "q36"}, ("machine", "q36")),
    "OVMF without its clock": (
        pc(firmware="ovmf", chipset={"acpi": False}),
        ("chipset.acpi", "OVMF never boots on machine pc", "seabios"),
    ),
    "CPU that QEMU refuses": (
        q35(memory=64 << 30, phys_bits=36, pci_hole64="32GiB"),
        ("phys_bits: 36", "0x1880000000", "at least 37", "less memory"),
    ),
    "a hole beyond the CPU's addresses, without a BAR": (
        q35(NIC, memory="16GiB", pci_hole64="8TiB", firmware="ovmf"),
        ("pci_hole64: 8796093022208", "0x90380000000", "40 address bits", "phys_bits of at least 44", "994GiB"),
    ),
    "the default hole behind RAM": (
        q35(memory=31 << 30, phys_bits=36),
        ("phys_bits: 36", "at least 37", "pci_hole64 of at most 31GiB"),
    ),
    "RAM to be plugged beyond them": (
        q35(memory="16GiB", max_memory="1TiB", memory_slots=4),
        ("max_memory: 1099511627776", "phys_bits of at least 42", "less max_memory"),
    ),
    "more RAM than any CPU reaches": (q35(memory=1 << 53), ("memory: 9007199254740992", "not start: say less memory")),
    "less at most than at first": (
        q35(memory="2GiB", max_memory="1GiB"),
        ("max_memory", "less than memory, 2147483648"),
    ),
    "RAM to be plugged by odd bytes": (
        q35(max_memory=(1 << 30) + 1),
        ("max_memory", "no multiple of 4096", "say 1073745920"),
    ),
    "slots with nothing to plug": (q35(memory_slots=2), ("memory_slots: 2", "say a max_memory above memory")),
    "slots at the most already": (
        q35(memory="1GiB", max_memory="1GiB", memory_slots=2),
        ("memory_slots: 2", "say a max_memory above memory"),
    ),
    "RAM to be plugged on a machine that takes none": (
        pc(max_memory="2GiB") | {"machine": "pc-i440fx-2.0"},
        ("max_memory", "pc-i440fx-2.0", "from 2.1 on"),
    ),
    # addresses
    "address twice": (
        q35({**NIC, "address": "pcie.0:05.0"}, {"id": "two", "model": "e1000", "address": "pcie.0:05.0"}),
        ("devices.two.address", "pcie.0:05.0", "address of nic", "another"),
    ),
    "slot past the last": (q35({**NIC, "address": "pcie.0:20"}), ("devices.0.address", "'pcie.0:20'", "above 1f")),
    "slot behind a port": (
        q35({**NIC, "address": "rp:01"}, controllers=[PORT]),
        ("devices.nic.address", "rp:01", "slots of rp are 00 to 00"),
    ),
    "slot 0 of a bridge": (
        q35({**NIC, "address": "br:00"}, controllers=[BRIDGE]),
        ("devices.nic.address", "slots of br are 01 to 1f"),
    ),
    "chipset's function": (
        q35({**NIC, "address": "pcie.0:1f.2"}),
        ("devices.nic.address", "pcie.0:1f.2", "chipset SATA controller", "another slot"),
    ),
    "slot of the chipset's USB": (
        q35({**NIC, "address": "pcie.0:1d.3"}, chipset={"usb": True}),
        ("devices.nic.address", "pcie.0:1d.3", "another slot"),
    ),
    "function past the last": (q35({**NIC, "address": "pcie.0:05.8"}), ("'8'", "0 to 7")),
    "slot not hexadecimal": (q35({**NIC, "address": "pcie.0:5g"}), ("'5g'", "hexadecimal")),
    "no bus": (q35({**NIC, "address": "05.0"}), ("'05.0'", "names no bus", "BUS:SLOT")),
    "unknown bus": (
        q35({**NIC, "address": "rq:00"}, controllers=[PORT]),
        ("devices.nic.address", "rq:00", "nearest: rp"),
    ),
    "address as a number": (q35({**NIC, "address": 5}), ("devices.0.address", "5", "text in quotes")),
    "pin and reserve": (
        q35({**NIC, "address": "pcie.0:05"}, reserve=["pcie.0:05"]),
        ("devices.nic.address", "reserve", "drop one"),
    ),
    "reserve without slot": (q35(reserve=[".3"]), ("reserve", "'.3'", "BUS:SLOT")),
    "reserve of no bus": (q35(reserve=["pci.0:03"]), ("reserve", "pci.0:03", "nearest: pcie.0")),
    # buses
    "root port on a conventional bus": (
        q35(controllers=[BRIDGE, {**PORT, "address": "br:02"}]),
        ("controllers.rp.address", "bus br", "pcie-root-port"),
    ),
    "device on a switch's bus": (
        q35({**NIC, "address": "up:02"}, controllers=[{"id": "up", "model": "x3130-upstream"}]),
        ("devices.nic.address", "bus up", "e1000"),
    ),
    "device on a pxb-pcie": (
        q35({**NIC, "address": "px:02"}, controllers=[{"id": "px", "model": "pxb-pcie"}]),
        ("devices.nic.address", "bus px", "e1000"),
    ),
    "iommu off the root bus": (
        q35({"id": "mmu", "model": "virtio-iommu", "address": "rp:00"}, controllers=[PORT]),
        ("devices.mmu.address", "virtio-iommu", "root bus pcie.0"),
    ),
    "iommu in a group that is pinned off the root bus": (
        q35(
            {"id": "a", "model": "nvme", "address": "rp:00", "group": "g"},
            {"id": "mmu", "model": "virtio-iommu", "group": "g"},
            controllers=[PORT],
        ),
        ("devices.a.address", "virtio-iommu", "root bus pcie.0"),
    ),
    "endless nesting": (
        pc(
            controllers=[
                {"id": "a", "model": "pci-bridge", "address": "b:02"},
                {"id": "b", "model": "pci-bridge", "address": "a:02"},
            ]
        ),
        ("controllers.a.address", "a inside b inside a", "never reaches the root bus"),
    ),
    "bridge inside itself": (
        pc(controllers=[{"id": "a", "model": "pci-bridge", "address": "a:02"}]),
        ("controllers.a.address", "a inside a"),
    ),
    "express controller on pc": (
        pc(controllers=[{"id": "px", "model": "pxb-pcie"}]),
        ("controllers.px.model", "pxb-pcie", "on machine q35 only", "not on pc"),
    ),
    "pxb on q35": (q35(controllers=[{"id": "px", "model": "pxb"}]), ("controllers.px.model", "on machine pc only")),
    # properties
    "property of another model": (
        q35(controllers=[{**PORT, "properties": {"chasis": 1}}]),
        ("controllers.rp.properties.chasis", "nearest: chassis"),
    ),
    "value of another type": (
        q35(controllers=[{**PORT, "properties": {"disable-acs": "banana"}}]),
        ("controllers.rp.properties.disable-acs", "'banana'", "on or off"),
    ),
    "value that is none of a few": (
        q35(controllers=[{**PORT, "properties": {"x-width": 3}}]),
        ("controllers.rp.properties.x-width", "one of 1, 2, 4"),
    ),
    "option ROM of a port": (
        q35(controllers=[{**PORT, "properties": {"romfile": "/x"}}]),
        ("controllers.rp.properties.romfile", "not planned"),
    ),
    "place as a property": (
        q35(controllers=[{**PORT, "properties": {"addr": "5"}}]),
        ("controllers.rp.properties.addr", "say address"),
    ),
    "hidden hot-plug of a port that takes it": (
        q35(controllers=[{**PORT, "properties": {"x-native-hotplug": "off"}}]),
        ("controllers.rp.properties.x-native-hotplug", "hotplug: false"),
    ),
    "number out of range": (
        q35(controllers=[{**PORT, "properties": {"chassis": 256}}]),
        ("controllers.rp.properties.chassis", "256", "0 to 255"),
    ),
    "size that is none": (
        q35(controllers=[{**PORT, "properties": {"io-reserve": "banana"}}]),
        ("controllers.rp.properties.io-reserve", "'banana'", "a number of bytes from 0 to 65536"),
    ),
    "size as a switch": (
        q35(controllers=[{**PORT, "properties": {"io-reserve": True}}]),
        ("controllers.rp.properties.io-reserve", "True", "a number of bytes"),
    ),
    "no whole pages": (
        q35(controllers=[{**PORT, "properties": {"io-reserve": 5000}}]),
        ("controllers.rp.properties.io-reserve", "5000", "a multiple of 4096"),
    ),
    "mem-reserve of 4 GiB": (
        q35(controllers=[{**PORT, "properties": {"mem-reserve": "4G"}}]),
        ("controllers.rp.properties.mem-reserve", "4294967296", "to 4294967295"),
    ),
    "no bus numbers reserved": (
        q35(controllers=[{**PORT, "properties": {"bus-reserve": "0"}}]),
        ("controllers.rp.properties.bus-reserve", "0", "from 1 to 255"),
    ),
    "octal number": (
        q35(controllers=[{**PORT, "properties": {"chassis": "010"}}]),
        ("controllers.rp.properties.chassis", "'010'", "a whole number"),
    ),
    "switch that is none": (
        pc(controllers=[{"id": "br", "model": "pci-bridge", "properties": {"shpc": "banana"}}]),
        ("controllers.br.properties.shpc", "'banana'", "on or off"),
    ),
    "switch as a number": (
        pc(controllers=[{"id": "br", "model": "pci-bridge", "properties": {"shpc": 0}}]),
        ("controllers.br.properties.shpc", "0", "on or off"),
    ),
    "hotplug said twice": (
        q35(controllers=[{**PORT, "hotplug": True, "properties": {"hotplug": "off"}}]),
        ("controllers.rp", "hotplug is on", "properties.hotplug is off", "keep one"),
    ),
    "node said twice": (
        q35(controllers=[{**EXPANDER, "numa": 1, "properties": {"numa_node": "0"}}], numa_nodes=2),
        ("controllers.px", "numa is 1", "properties.numa_node is 0", "keep one"),
    ),
    "node of a root port": (
        q35(controllers=[{**PORT, "properties": {"numa_node": 0}}], numa_nodes=1),
        ("controllers.rp.properties.numa_node", "no such property"),
    ),
    "node beyond those there are": (
        q35(controllers=[{**EXPANDER, "properties": {"numa_node": 5}}], numa_nodes=1),
        ("controllers.px.numa", "node 5 does not exist", "numa_nodes is 1"),
    ),
    "queues that are no switch": (
        q35({"id": "d", "model": "virtio-net", "properties": {"mq": "many"}}),
        ("devices.d.properties.mq", "'many'", "on or off"),
    ),
    "vectors that are no number": (
        q35({"id": "d", "model": "virtio-net", "properties": {"vectors": -2}}),
        ("devices.d.properties.vectors", "-2", "a whole number from 0"),
    ),
    "more bytes than can be counted": (
        q35(spare=[{"kind": "pcie", "count": 3, "memory": 1 << 61}]),
        ("memory", str((3 << 61) + (128 << 20)), "ask for less"),
    ),
    "two primary qxl": (q35(*[{"id": n, "model": "qxl-vga"} for n in "ab"]), ("a, b", "one qxl-vga", "leave")),
    "two vIOMMUs": (
        q35(*[{"id": n, "model": "virtio-iommu"} for n in "ab"]),
        ("a, b", "one amd-iommu or virtio-iommu"),
    ),
    "two VGA of an old machine type": (
        {"machine": "pc-q35-2.12", "devices": [{"id": "a", "model": "VGA"}, {"id": "b", "model": "cirrus-vga"}]},
        ("a, b", "VGA or cirrus-vga", "pc-q35-2.12"),
    ),
    "reserves that exclude each other": (
        q35(controllers=[{**PORT, "properties": {"pref32-reserve": 4096, "pref64-reserve": 4096}}]),
        ("controllers.rp.properties", "pref32-reserve", "keep one"),
    ),
    "chassis number twice": (
        pc(controllers=[{"id": n, "model": "pci-bridge", "properties": {"chassis_nr": 7}} for n in ("a", "b")]),
        ("controllers.b.properties", "chassis_nr 7", "that of a"),
    ),
    "hotplug off on a bridge": (
        pc(controllers=[{"id": "a", "model": "pci-bridge", "hotplug": "off"}]),
        ("controllers.a.hotplug", "pci-bridge", "root and downstream ports"),
    ),
    "address as property": (q35({**NIC, "properties": {"addr": "5"}}), ("devices.nic.properties.addr", "say address")),
    "nested property": (q35({**NIC, "properties": {"netdev": {"id": 1}}}), ("devices.0.properties.netdev",)),
    # virtio, host devices
    "mode of a modern kind": (
        q35({"id": "d", "model": "virtio-gpu", "virtio": "legacy"}),
        ("devices.d.virtio", "virtio-gpu", "only modern", "not legacy"),
    ),
    "mode of no virtio device": (q35({**NIC, "virtio": "modern"}), ("devices.nic.virtio", "e1000", "leave virtio out")),
    "unknown mode": (q35({"id": "d", "model": "virtio-net", "virtio": "new"}), ("devices.0.virtio", "'auto'", "new")),
    "unknown model without connect": (
        q35({"id": "x", "model": "my-card", "bars": []}),
        ("devices.x", "connect and bars"),
    ),
    "no device type": (
        q35({"id": "x", "model": "my,card", "connect": "express", "bars": []}),
        ("devices.x.model", "'my,card'", "no name of a QEMU device type"),
    ),
    "chipset function that describes itself": (
        q35({"id": "x", "model": "ICH9-LPC", "connect": "express", "bars": []}),
        ("devices.x.model", "'ICH9-LPC'", "chipset"),
    ),
    "host device without bars": (q35({**HOST, "connect": "express"}), ("devices.gpu", "vfio-pci", "bars")),
    "BAR no power of two": (
        q35({**HOST, "connect": "express", "bars": [{"bar": 0, "kind": "io", "size": 48}]}),
        ("devices.0.bars.0.size", "48 bytes", "power of two"),
    ),
    "IO BAR of more than a page": (
        q35({**HOST, "connect": "express", "bars": [{"bar": 0, "kind": "io", "size": 8192}]}),
        ("devices.0.bars.0", "8192", "4096"),
    ),
    "size with a strange unit": (q35(memory="2GB"), ("memory", "'2GB'", "GiB")),
    # wishes
    "near nobody": (q35({**NIC, "near": ["nik"]}), ("devices.nic.near", "'nik'", "not another device")),
    "near itself": (q35({**NIC, "near": ["nic"]}), ("devices.nic.near", "'nic'", "not another device")),
    "near a switch on pc": (
        pc(NIC, {"id": "two", "model": "e1000", "near_switch": ["nic"]}),
        ("devices.two.near_switch", "pc", "planned on machine q35 only"),
    ),
    "node that does not exist": (
        q35({**NIC, "numa": 2}, numa_nodes=2),
        ("devices.nic.numa", "node 2", "numa_nodes is 2"),
    ),
    "spare node that does not exist": (q35(spare=[{"kind": "pcie", "numa": 0}]), ("spare[0]", "node 0")),
    "hot-plug that QEMU refuses": (
        q35({"id": "vga", "model": "VGA", "hotplug": "required"}),
        ("devices.vga.hotplug", "VGA", "preferred or never"),
    ),
    "unknown need": (q35({**NIC, "hotplug": "yes"}), ("devices.0.hotplug", "'required'", "yes")),
    "pcie spare on pc": (pc(spare={"pcie": 1}), ("spare[0]", "pc", "ask for kind pci")),
    "spare io above a page": (q35(spare=[{"kind": "pcie", "io": 8192}]), ("spare.0.io", "8192", "4096")),
    "secure boot with SeaBIOS": (q35(needs=["secure-boot"]), ("needs", "secure-boot", "ovmf")),
    "two balloons": (q35(*[{"id": n, "model": "virtio-balloon"} for n in "ab"]), ("a, b", "one balloon")),
    "order without a term": (q35(policy={"order": ["depth"]}), ("policy", "depth", "once")),
    "negative limit": (q35(policy={"max_depth": -1}), ("policy.max_depth", "-1")),
    # groups
    "group of nine": (q35(*several(9, group="g")), ("'g'", "9 members", "8 functions")),
    "group on two nodes": (
        q35({**NIC, "group": "g", "numa": 0}, {"id": "two", "model": "e1000", "group": "g", "numa": 1}, numa_nodes=2),
        ("'g'", "NUMA"),
    ),
    "group in two slots": (
        q35(
            {**NIC, "group": "g", "address": "pcie.0:04"},
            {"id": "two", "model": "e1000", "group": "g", "address": "pcie.0:05"},
        ),
        ("'g'", "different slots"),
    ),
    "group with one function twice": (q35(*several(2, group="g", address=".3")), ("'g'", "function 3")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_field_value_and_mend(name: str) -> None:
    data, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        Guest.model_validate(data)
    errors = caught.value.errors(include_url=False)
    told = " ".join(f"{'.'.join(map(str, error['loc']))} {error['msg']} {error['input']!r}" for error in errors)
    if not any(error["type"] == "value_error" for error in errors):
        assert all(word in told for word in words), told
        return
    message = ".".join(map(str, errors[0]["loc"])) + " " + errors[0]["msg"]
    assert len(errors) == 1, told
    assert all(word in message for word in words), message


TAKEN: dict[str, Data] = {
    "nothing at all": {"machine": "pc"},
    "express device pinned to a conventional bus": q35(
        {"id": "d", "model": "nvme", "address": "br:05"}, controllers=[BRIDGE]
    ),
    "conventional device pinned to a port": q35({**NIC, "address": "rp:00"}, controllers=[PORT]),
    "bridge pinned to pcie.0": q35(controllers=[BRIDGE]),
    "free function beside the chipset": q35({**NIC, "address": "pcie.0:1f.4"}),
    "chipset's place where it is switched off": q35({**NIC, "address": "pcie.0:1f.2"}, chipset={"sata": False}),
    "slot 1d without USB": q35({**NIC, "address": "pcie.0:1d"}),
    "function only": q35({**NIC, "address": ".5"}),
    "spare by kind": q35(spare={"pcie": 2, "pci": 1}),
    "sizes with a unit": q35({**HOST, "connect": "express", "bars": []}, memory="2 GiB"),
    "bus inside a bus that has no place yet": q35(
        {**NIC, "address": "br:02"}, controllers=[{"id": "br", "model": "pci-bridge"}]
    ),
    "a model that nobody knows but the request": q35({"id": "x", "model": "my-card", "connect": "express", "bars": []}),
    "one slot, two pins": q35(
        {**NIC, "address": "pcie.0:05.0"}, {"id": "two", "model": "e1000", "address": "pcie.0:05.1"}
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    guest = Guest.model_validate(TAKEN[name])
    assert Guest.model_validate_json(guest.model_dump_json()) == guest


SPELLINGS: list[tuple[Data, list[str]]] = [
    ({"io-reserve": 8192}, ["8K", "8k", "8192", "0x2000", "8KiB", " 8K", "8192B"]),
    ({"mem-reserve": 64 << 20}, ["64M", "64MiB", "67108864", "0x4000000"]),
    ({"chassis": 16}, ["16", "0x10"]),
    ({"hotplug": False}, ["off", "no", "false", "n"]),
]


@pytest.mark.parametrize(
    ("name", "plain", "text"),
    [(name, plain, text) for one, texts in SPELLINGS for name, plain in one.items() for text in texts],
)
def test_a_property_has_one_value_however_it_is_spelled(name: str, plain: object, text: str) -> None:
    one, other = (
        Guest.model_validate(q35(controllers=[{**PORT, "properties": {name: value}}])) for value in (plain, text)
    )
    assert one == other
    assert one.sha256 == other.sha256


def test_a_device_property_has_one_value_too() -> None:
    net = {"id": "net", "model": "virtio-net"}
    one, other = (
        Guest.model_validate(q35({**net, "properties": properties}))
        for properties in ({"mq": True, "vectors": 4}, {"mq": "on", "vectors": "4"})
    )
    assert one == other


def test_a_property_that_is_a_field_sets_it() -> None:
    closed = Guest.model_validate(q35(controllers=[{**PORT, "properties": {"hotplug": "off"}}]))
    assert closed == Guest.model_validate(q35(controllers=[{**PORT, "hotplug": False}]))
    assert closed.controllers[0].properties == {}
    placed = Guest.model_validate(q35(controllers=[{**EXPANDER, "properties": {"numa_node": "0"}}], numa_nodes=1))
    assert placed == Guest.model_validate(q35(controllers=[{**EXPANDER, "numa": 0}], numa_nodes=1))
    agreeing = {**PORT, "hotplug": "off", "properties": {"hotplug": False}}
    assert Guest.model_validate(q35(controllers=[agreeing])) == closed


@pytest.mark.parametrize("virtio", [None, "auto", "auto-by-os"])
def test_what_goes_through_the_iommu_is_modern(virtio: str | None) -> None:
    """Where the mode is left open. Kinds that are modern alone need not be told."""
    switches = {"properties": {"iommu_platform": "yes"}}
    net = {"id": "n", "model": "virtio-net-pci", "virtio": virtio, **switches}
    guest = Guest.model_validate(pc(net, {"id": "g", "model": "virtio-gpu", **switches}))
    assert [device.fixed_mode for device in guest.devices] == [VirtioMode.MODERN, None]
