"""What is said beside a guest is merged into it, and checked as if the guest had said it."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from qslot.schema import Guest
from qslot.schema.errors import InputError
from qslot.schema.formats.files import read_guest
from qslot.schema.formats.overrides import Overrides, overridden
from qslot.schema.formats.unchecked import read_overlay
from qslot.schema.pci.qemu_properties import as_text
from qslot.testing.generator import any_guest

GUEST: dict[str, Any] = {
    "machine": "q35",
    "firmware": "ovmf",
    "policy": {"max_depth": 3},
    "controllers": [{"id": "pci.1", "model": "pcie-root-port"}, {"id": "pci.1.2", "model": "pcie-root-port"}],
    "devices": [
        {"id": "net0", "model": "virtio-net", "address": "pci.1:0", "properties": {"mq": "on", "netdev": "a"}},
        {"id": "net0.a", "model": "nvme"},
    ],
}


def part(data: dict[str, Any], field: str, name: str) -> dict[str, Any]:
    return next(one for one in data[field] if one["id"] == name)


@pytest.mark.parametrize(
    ("overrides", "field", "name", "expected"),
    [
        ({"devices.net0.hotplug": "required"}, "devices", "net0", {"hotplug": "required"}),
        ({"devices.net0.a.hotplug": "never"}, "devices", "net0.a", {"hotplug": "never"}),
        ({"devices.net0.properties.mq": None}, "devices", "net0", {"properties": {"netdev": "a"}}),
        ({"devices.net0.properties.x.y": 1}, "devices", "net0", {"properties": {"mq": "on", "netdev": "a", "x.y": 1}}),
        ({"devices": {"net0": {"properties": {"mq": 1}}}}, "devices", "net0", {"properties": {"mq": 1, "netdev": "a"}}),
        ({"devices": [{"id": "net0.a", "near": ["net0"]}]}, "devices", "net0.a", {"near": ["net0"]}),
        ({"devices": [{"id": "new", "model": "nvme"}]}, "devices", "new", {"model": "nvme"}),
        ({"controllers.pci.1.hotplug": "off"}, "controllers", "pci.1", {"hotplug": "off"}),
        ({"controllers.pci.1.2.numa": 0}, "controllers", "pci.1.2", {"numa": 0}),
    ],
)
def test_parts_are_merged_by_id(overrides: Overrides, field: str, name: str, expected: dict[str, Any]) -> None:
    result = overridden(GUEST, overrides)
    before = next((one for one in GUEST[field] if one["id"] == name), {"id": name})
    assert part(result, field, name) == before | expected
    others = [one for one in result[field] if one["id"] != name]
    assert others == [one for one in GUEST[field] if one["id"] != name]


def test_what_is_none_is_taken_away() -> None:
    assert "address" not in part(overridden(GUEST, {"devices.net0.address": None}), "devices", "net0")
    assert "firmware" not in overridden(GUEST, {"firmware": None})


@pytest.mark.parametrize(
    ("overrides", "field", "expected"),
    [
        ({"policy.preset": "libvirt"}, "policy", {"max_depth": 3, "preset": "libvirt"}),
        ({"policy": {"preset": "libvirt", "max_depth": None}}, "policy", {"preset": "libvirt"}),
        ({"firmware.version": "2025.02"}, "firmware", {"name": "ovmf", "version": "2025.02"}),
        ({"firmware": {"name": "seabios"}}, "firmware", {"name": "seabios"}),
        (
            {"firmware": "ovmf:2022.11", "firmware.version": "2025.02"},
            "firmware",
            {"name": "ovmf", "version": "2025.02"},
        ),
        ({"spare.pcie": 2}, "spare", {"pcie": 2}),
        ({"spare": {"pci": 2}, "spare.pcie": 2}, "spare", {"pci": 2, "pcie": 2}),
        ({"chipset.sata": "off"}, "chipset", {"sata": "off"}),
    ],
)
def test_fields_of_the_whole(overrides: Overrides, field: str, expected: object) -> None:
    assert overridden(GUEST, overrides) == {**GUEST, field: expected}


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"devices.net1.hotplug": "never"}, r"^g: devices\.net1: 'net1' is no id that the guest has; nearest: net0"),
        ({"devices": [{"model": "nvme"}]}, r"^g: devices\[0\]: .* is no mapping with the id of a part"),
        ({"devices.net0": "required"}, r"^g: devices\.net0: 'required' is no mapping of fields"),
    ],
)
def test_what_is_about_nobody_is_refused(overrides: Overrides, says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        overridden(GUEST, overrides, "g")
    assert error.value.field


def test_files_in_turn(tmp_path: Path) -> None:
    guest, overlay = tmp_path / "guest.yaml", tmp_path / "more.toml"
    guest.write_text("machine: q35\ndevices: [{id: net0, model: virtio-net}]\n")
    overlay.write_text('[[devices]]\nid = "net0"\nhotplug = "required"\n[policy]\nmax_depth = 2\n')
    read = read_guest(guest, read_overlay(overlay), {"policy.max_depth": "3"})
    assert (read.devices[0].hotplug, read.policy.max_depth) == ("required", 3)
    for text, says in (("<domain/>", "domain XML"), ('{"qslot": 1}', "a layout"), ("- 1", "must hold a mapping")):
        overlay.with_suffix("").write_text(text)
        with pytest.raises(InputError, match=says):
            read_overlay(overlay.with_suffix(""))


@pytest.mark.parametrize("seed", range(40))
def test_a_field_said_beside_is_as_good_as_in_the_file(seed: int) -> None:
    """Whatever field of whatever part is taken out of the file and said by its path instead, as text if it can be."""
    guest, choose = any_guest(seed), Random(seed)
    stated = guest.model_dump(mode="json", exclude_defaults=True)
    said: dict[str, object] = {}
    parts = [(field, one) for field in ("devices", "controllers") for one in stated.get(field, ())]
    for field, one in parts:
        for name in choose.sample(sorted(one), choose.randint(0, len(one))):
            path = f"{field}.{one['id']}.{name}"
            if name == "properties":
                said |= {f"{path}.{key}": as_text(value) for key, value in one.pop(name).items()}
            elif name not in ("id", "model"):
                value = one.pop(name)
                said[path] = value if isinstance(value, list) else as_text(value)
    said |= {f"policy.{name}": value for name, value in stated.pop("policy", {}).items()}
    assert Guest.model_validate(overridden(stated, said)) == guest
