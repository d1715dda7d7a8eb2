"""QEMU's arguments: both forms of a device and of a global property, and what of a command line matters to PCI."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema.qemu_arguments import (
    DeviceArgument,
    QemuArgumentError,
    completed,
    effects,
    read_command_line,
    read_device,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("e1000", DeviceArgument("e1000")),
        ("e1000,id=n,bus=pcie.0,addr=10", DeviceArgument("e1000", "n", "pcie.0", 16)),
        ("e1000,addr=0x5.0x3,multifunction=on", DeviceArgument("e1000", slot=5, function=3, multifunction=True)),
        ("driver=nvme,serial=a,,b,id=d", DeviceArgument("nvme", "d", properties={"serial": "a,b"})),
        ('{"driver":"e1000","addr":"0x1f.7"}', DeviceArgument("e1000", slot=31, function=7)),
        # a number of JSON counts functions
        ('{"driver":"e1000","addr":10}', DeviceArgument("e1000", slot=1, function=2)),
        ('{"driver":"e1000","addr":-1}', DeviceArgument("e1000")),
        ('{"driver":"e1000","multifunction":true}', DeviceArgument("e1000", multifunction=True)),
    ],
)
def test_a_device_is_read(value: str, expected: DeviceArgument) -> None:
    assert read_device(value) == expected


@pytest.mark.parametrize(
    "value", ["", "e1000,addr=20", "e1000,addr=x", "{", '{"driver":1}', '{"driver":"e1000","addr":256}']
)
def test_what_qemu_refuses(value: str) -> None:
    with pytest.raises(QemuArgumentError):
        read_device(value)


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(codec="ascii", exclude_characters="\0", categories=("L", "N", "P")), min_size=1)


@given(NAMES, NAMES, st.integers(0, 31), st.integers(0, 7), st.dictionaries(NAMES, TEXTS, max_size=3))
def test_both_forms_say_the_same(driver: str, name: str, slot: int, function: int, more: dict[str, str]) -> None:
    own = {"driver": driver, "id": name, "bus": "pci.0", "addr": f"{slot:#x}.{function}"}
    rest = {key: value for key, value in more.items() if key not in own}
    text = ",".join(
        [driver, *(f"{key}={str(one).replace(',', ',,')}" for key, one in [*own.items(), *rest.items()][1:])]
    )
    assert read_device(text) == read_device(json.dumps({**own, **rest}))
    assert (read_device(text).slot, read_device(text).function) == (slot, function)


@pytest.mark.parametrize("value", ["e1000,id=n", '{"driver": "e1000", "id": "n"}'])
def test_what_it_lacks_is_written_in_its_own_form(value: str) -> None:
    more = completed(value, {"bus": "pcie.0", "addr": "0x5.0", "multifunction": True, "romfile": "a,b"})
    assert value.startswith("{") == more.startswith("{")
    given = read_device(more)
    assert (given.bus, given.slot, given.multifunction, given.properties) == ("pcie.0", 5, True, {"romfile": "a,b"})


@pytest.mark.parametrize(
    "value",
    [
        "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
        "driver=ICH9-LPC,property=acpi-pci-hotplug-with-bridge-support,value=off",
    ],
)
def test_a_global_property_has_two_forms(value: str) -> None:
    assert effects(read_command_line(["-global", value]), "q35").chipset == {"bridge_hotplug": False}
    # pc has no such function: QEMU takes no notice
    assert effects(read_command_line(["-global", value]), "pc").chipset == {}


EPYC_WITH_BITS_OF_HOST = {"cpu": {"model": "EPYC", "host_phys_bits": True, "host_phys_bits_limit": 43}}
EPYC_AS_INTEL = {"cpu": {"model": "EPYC", "vendor": "intel"}, "pdpe1gb": False}


@pytest.mark.parametrize(
    ("words", "family", "chipset", "fields"),
    [
        (["-global", "PIIX4_PM.acpi-root-pci-hotplug=off"], "pc", {"root_hotplug": False}, {}),
        (["-machine", "q35,sata=off,usb=on", "-M", "acpi=off"], "q35", {"sata": False, "usb": True, "acpi": False}, {}),
        (["-no-acpi", "-usb"], "q35", {"acpi": False, "usb": True}, {}),
        (["-global", "q35-pcihost.pci-hole64-size=64G"], "q35", {}, {"pci_hole64": 64 << 30}),
        (["-cpu", "host,phys-bits=46"], "pc", {}, {"cpu": {"host": True}, "phys_bits": 46}),
        (["-cpu", "Haswell,+pdpe1gb"], "pc", {}, {"cpu": {"model": "Haswell"}, "pdpe1gb": True}),
        (["-cpu", "EPYC,pdpe1gb=off,vendor=GenuineIntel"], "q35", {}, EPYC_AS_INTEL),
        (["-cpu", "host,guest-phys-bits=46,phys-bits=0"], "q35", {}, {"cpu": {"host": True, "guest_phys_bits": 46}}),
        (["-cpu", "host,host-phys-bits=on"], "q35", {}, {"cpu": {"host": True}}),
        (["-cpu", "EPYC,host-phys-bits=on,host-phys-bits-limit=43"], "q35", {}, EPYC_WITH_BITS_OF_HOST),
        (["-cpu", "EPYC,host-phys-bits=off"], "q35", {}, {"cpu": {"model": "EPYC"}}),
        (["--device", "e1000", "-S", "-netdev", "user,id=n", "-boot", "c"], "pc", {}, {}),
        (["-global", "kvm-pit.lost_tick_policy=delay", "-global", "ICH9-LPC.disable_s3=1"], "q35", {}, {}),
        (["-fw_cfg", "name=opt/com.example,string=x", "-drive", "if=none,id=d,file=x"], "q35", {}, {}),
    ],
)
def test_what_a_command_line_changes(words: list[str], family: Any, chipset: dict[str, bool], fields: Any) -> None:
    found = effects(read_command_line(words), family)
    assert (found.chipset, found.fields, found.unread) == (chipset, fields, [])


@pytest.mark.parametrize(
    "words",
    [
        ["-vga", "std"],
        ["-nic", "user"],
        ["-drive", "if=virtio,file=x"],
        ["-readconfig", "file"],
        ["-machine", "max-ram-below-4g=2G"],
        ["-cpu", "EPIC"],
        ["-m", "4G,maxmem=8G"],
        ["-fw_cfg", "name=opt/ovmf/X-PciMmio64Mb,string=65536"],
        ["-audio", "alsa,model=hda"],
        ["-global", "ICH9-LPC.x-keep-pci-slot-hpc=off"],
        ["-global", "nobody.knows=this"],
        ["-global", "none"],
        ["-device", "e1000,addr=99"],
        ["-no-such-option", "value"],
        ["word"],
        ["-set", "nonsense"],
    ],
)
def test_what_is_not_understood_is_named(words: list[str]) -> None:
    (found,) = effects(read_command_line(words), "q35").unread
    assert words[-1].split(",")[0] in found


@given(
    st.lists(
        st.text(max_size=12) | st.sampled_from(["-device", "-global", "-set", "-machine", "-object", "{"]), max_size=6
    )
)
def test_no_words_raise(words: list[str]) -> None:
    effects(read_command_line(words), "q35")


class TestProperties:
    def properties(self, driver: str, *globals_: str) -> dict[str, Any]:
        return effects(read_command_line([w for one in globals_ for w in ("-global", one)]), "q35").properties(driver)

    def test_a_type_has_those_of_the_types_above_it(self) -> None:
        assert self.properties("virtio-net-pci", "virtio-pci.vectors=4", "virtio-blk-pci.x=1") == {"vectors": 4}
        assert self.properties("vfio-pci-nohotplug", "vfio-pci.rombar=0") == {"rombar": 0}

    def test_the_last_one_counts(self) -> None:
        assert self.properties("e1000", "e1000.mac=a", "e1000.mac=b") == {"mac": "b"}

    def test_other_names_of_a_type_are_the_same(self) -> None:
        assert self.properties("virtio-net", "virtio-net-pci.mq=on") == {"mq": True}


def test_memory_and_settings() -> None:
    words = "-device e1000,id=a.b -set device.a.b.addr=7 -set drive.x.y=z -object memory-backend-ram,id=m,size=32M"
    json_form = '{"qom-type":"memory-backend-file","id":"n","size":4096}'
    line = read_command_line([*words.split(), "-object", json_form])
    assert line.memory_backends == {"m": 32 << 20, "n": 4096}
    assert [one.device.slot for one in line.devices] == [7]
