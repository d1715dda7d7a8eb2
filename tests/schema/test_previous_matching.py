"""What of two layouts, or of two domains, is one and the same."""

from typing import Any

import pytest

from qslot.schema.libvirt.same_devices import same_devices
from qslot.schema.previous import Before, paths_of, same_controllers
from qslot.schema.previous.matching import renamed

from .good import device, pair, placed, port

TWO_NICS = [device("net0", "virtio-net", "rp1:00.0"), device("net1", "virtio-net", "br:01.0")]


def layout_of(controllers: list[dict[str, Any]], devices: list[dict[str, Any]], machine: str = "q35") -> Any:
    return pair({"machine": machine, "devices": []}, {"controllers": controllers, "devices": devices}).layout


BEFORE = layout_of(
    [
        port("rp1", "pcie.0:02.0", 1, multifunction=True),
        port("rp2", "pcie.0:02.1", 2),
        placed("br", "pcie-pci-bridge", "rp2:00.0"),
    ],
    TWO_NICS,
)


def test_a_path_is_told_without_ids() -> None:
    assert str(paths_of(BEFORE)["net1"]) == "02.1/00.0/01.0"


def test_controllers_are_the_same_by_place_whatever_they_are_called() -> None:
    after = layout_of(
        [
            port("rp2", "pcie.0:02.0", 1, multifunction=True),
            port("a", "pcie.0:02.1", 2),
            placed("b", "pcie-pci-bridge", "a:00.0"),
        ],
        [],
    )
    assert same_controllers(BEFORE, after) == {"rp2": "rp1", "a": "rp2", "b": "br"}


def test_what_hangs_on_another_controller_is_another_one() -> None:
    after = layout_of([port("rp2", "pcie.0:03.0", 1), placed("br", "pcie-pci-bridge", "rp2:00.0")], [])
    assert same_controllers(BEFORE, after) == {}


def test_a_device_of_another_model_is_another_one() -> None:
    after = layout_of([], [device("net0", "virtio-net", "pcie.0:02.0"), device("net1", "e1000e", "pcie.0:03.0")])
    assert [one.id for one in Before(BEFORE).in_both(after)] == ["net0"]


def test_nothing_is_the_same_in_another_family() -> None:
    q35 = layout_of([placed("br", "pci-bridge", "pcie.0:02.0")], [])
    pc = layout_of([placed("br", "pci-bridge", "pci.0:02.0")], [], machine="pc")
    assert same_controllers(q35, pc) == {}


def test_devices_are_renamed_all_at_once() -> None:
    layout = BEFORE.model_copy(update={"guest_names": {"net0": "enp1s0", "net1": "enp3s1"}})
    turned = renamed(layout, {"net1": "net0"})
    assert [one.id for one in turned.devices] == ["net0-before", "net0"]
    assert turned.guest_names == {"net0-before": "enp1s0", "net0": "enp3s1"}


def domain(*devices: str) -> bytes:
    text = "<domain type='kvm'><os><type machine='pc'>hvm</type></os><devices>" + "".join(devices)
    return f"{text}<memballoon model='none'/><controller type='usb' model='none'/></devices></domain>".encode()


def nic(mac: str = "", alias: str = "") -> str:
    stated = (f"<mac address='52:54:00:00:00:{mac}'/>" if mac else "") + (f"<alias name='{alias}'/>" if alias else "")
    return f"<interface type='user'><model type='virtio'/>{stated}</interface>"


def disk(target: str) -> str:
    return f"<disk type='file'><source file='/{target}'/><target dev='{target}' bus='virtio'/></disk>"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param([nic("01"), nic("02")], [nic("02")], {"net1": "net0"}, id="MAC"),
        pytest.param([nic("0a")], [nic("0A")], {"net0": "net0"}, id="MAC in capitals"),
        pytest.param([nic("01", "ua-a")], [nic("02"), nic("03", "ua-a")], {"ua-a": "ua-a"}, id="own alias"),
        pytest.param([nic("01", "net0"), nic("02", "net1")], [nic("02", "net0")], {"net1": "net0"}, id="of libvirt"),
        pytest.param([nic("01", "net0")], [nic("02", "net0")], {}, id="another MAC at the same alias"),
        pytest.param([nic(), nic()], [nic(), nic()], {"net0": "net0", "net1": "net1"}, id="order of as many"),
        pytest.param([nic(), nic()], [nic()], {}, id="order of fewer"),
        pytest.param([nic("01"), nic("01")], [nic("01")], {}, id="the same MAC twice"),
        pytest.param([disk("vda"), disk("vdb")], [disk("vdb")], {"virtio-disk1": "virtio-disk1"}, id="target"),
    ],
)
def test_devices_of_domains(before: list[str], after: list[str], same: dict[str, str]) -> None:
    assert same_devices(domain(*before), domain(*after)) == same
