"""The whole command line: machine, firmware, memory and stand-ins. Whether QEMU takes it is tests/real's to say."""

from itertools import pairwise
from pathlib import Path

import pytest

from qslot.schema import Layout, VirtioMode
from qslot.schema.formats.standalone import imitated, needs_hardware, standalone

from .emitted import parse
from .test_qemu import bridge, endpoint, layout


def platform(planned: Layout, **changes: object) -> Layout:
    return planned.model_copy(update={"platform": planned.platform.model_copy(update=changes)})


def after(words: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(words) if name == option]


def test_chipset_options_are_spelled_out_where_they_are_not_qemus_own() -> None:
    (plain,) = after(standalone(layout()), "-machine")
    (bare,) = after(standalone(layout(sata=False, smbus=False, usb=True, acpi=False)), "-machine")
    (old,) = after(standalone(layout(machine="pc", sata=False, smbus=False, acpi=False)), "-machine")
    assert plain == "q35,memory-backend=standin.ram0"
    assert bare == "q35,usb=on,acpi=off,sata=off,smbus=off,memory-backend=standin.ram0"
    assert old == "pc,acpi=off,memory-backend=standin.ram0"


def test_address_space() -> None:
    words = standalone(platform(layout(), phys_bits=46, pci_hole64=1 << 36))
    assert after(words, "-cpu") == ["qemu64,pdpe1gb=on,phys-bits=46"]
    assert after(words, "-global") == [f"q35-pcihost.pci-hole64-size={1 << 36}"]


def test_a_root_bus_without_hotplug() -> None:
    assert after(standalone(layout(machine="pc", root_hotplug=False)), "-global") == [
        "PIIX4_PM.acpi-root-pci-hotplug=off"
    ]
    assert after(standalone(layout(root_hotplug=False)), "-global") == []


def test_numa_nodes_share_all_of_the_memory() -> None:
    words = standalone(platform(layout(), memory=1 << 30, numa_nodes=3))
    sizes = [int(text.split("size=")[1].split(",")[0]) for text in after(words, "-object")]
    assert sum(sizes) == 1 << 30
    assert after(words, "-m") == [f"{1 << 30}B"]
    assert after(words, "-numa") == [f"node,nodeid={node},memdev=standin.ram{node}" for node in range(3)]
    assert after(words, "-machine") == ["q35"]


def test_memory_is_whole_pages() -> None:
    words = standalone(platform(layout(), memory=(1 << 30) + 1))
    assert after(words, "-m") == [f"{(1 << 30) + 8192}B"]


def test_ovmf_is_read_only_flash(tmp_path: Path) -> None:
    planned = Layout.model_validate({**layout().model_dump(), "firmware": "ovmf"})
    code = tmp_path / "code,4M.fd"
    code.touch()
    assert after(standalone(planned, firmware=code), "-drive") == [
        f"if=pflash,unit=0,format=raw,readonly=on,file={tmp_path}/code,,4M.fd"
    ]


def test_another_image_of_seabios(tmp_path: Path) -> None:
    image = tmp_path / "bios.bin"
    with pytest.raises(FileNotFoundError, match="no firmware image"):
        standalone(layout(), firmware=image)
    image.touch()
    assert after(standalone(layout(), firmware=image), "-bios") == [str(image)]


def test_ovmf_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qslot.schema.formats.ovmf_image.OVMF_CODE", ("/nowhere/OVMF.fd",))
    planned = Layout.model_validate({**layout().model_dump(), "firmware": "ovmf"})
    with pytest.raises(FileNotFoundError, match="/nowhere"):
        standalone(planned)


def test_a_named_backend_is_made_once_under_its_name() -> None:
    devices = [
        endpoint("n0", "e1000e", "pcie.0", 1, properties={"netdev": "hn0"}),
        endpoint("a0", "AC97", "pcie.0", 2, properties={"audiodev": "snd"}),
        endpoint("a1", "ES1370", "pcie.0", 3, properties={"audiodev": "snd"}),
    ]
    words = standalone(layout(devices=devices))
    assert after(words, "-netdev") == ["hubport,id=hn0,hubid=0"]
    assert after(words, "-audiodev") == ["none,id=snd"]
    assert [one.properties for one in parse(words).devices] == [device.properties for device in devices]


def test_a_needed_backend_is_made_up_under_a_name_that_is_free() -> None:
    devices = [
        endpoint("standin0", "virtio-blk-pci", "pcie.0", 1),
        endpoint("d1", "virtio-blk-pci", "pcie.0", 2, properties={"drive": "standin1"}),
        endpoint("fs", "virtio-9p-pci-transitional", "pcie.0", 3, model="virtio-9p"),
    ]
    words = standalone(layout(devices=devices))
    first, second, third = parse(words).devices
    assert (first.properties, second.properties) == ({"drive": "standin2"}, {"drive": "standin1"})
    assert third.properties == {"fsdev": "standin3", "mount_tag": "t2"}
    assert [text.split(",")[1] for text in after(words, "-drive")] == ["id=standin2", "id=standin1"]
    assert after(words, "-fsdev") == ["synth,id=standin3"]


def test_hardware_is_imitated_where_it_sits() -> None:
    bars = [{"bar": 5, "kind": "io", "size": 128}]
    devices = [
        endpoint("gpu0", "vfio-pci", "rp", properties={"host": "01:00.0"}, multifunction=True),
        endpoint("gpu1", "vfio-pci", "rp", function=1, bars=bars),
        endpoint("vs", "vhost-scsi-pci", "pcie.0", 5, virtio=VirtioMode.TRANSITIONAL, properties={"wwpn": "naa.5"}),
        endpoint("nic", "e1000e", "pcie.0", 6),
        endpoint("own", "my-card", "pcie.0", 7, bars=bars),
    ]
    planned = layout([bridge("rp", "pcie-root-port", "pcie.0", chassis=1)], devices)
    assert imitated(planned) == ["gpu0", "gpu1", "vs", "own"]
    seats = parse(standalone(planned)).devices
    assert [seat.driver for seat in seats] == ["edu", "pci-testdev", "pci-testdev", "e1000e", "pci-testdev"]
    assert [(seat.id, seat.bus, seat.slot, seat.function, seat.multifunction) for seat in seats] == [
        (device.id, device.bus, device.slot, device.function, device.multifunction) for device in devices
    ]
    assert not any(seat.properties for seat in seats)


def test_a_large_bar_of_hardware_is_imitated_in_its_size() -> None:
    large = {"bar": 1, "kind": "mem64", "size": 16 << 30, "prefetchable": True}
    devices = [
        endpoint("gpu", "vfio-pci", "pcie.0", 5, bars=[{"bar": 0, "kind": "mem32", "size": 1 << 24}, large]),
        endpoint("old", "vfio-pci", "pcie.0", 6, bars=[{"bar": 0, "kind": "io", "size": 128}, large]),
    ]
    words = standalone(layout(devices=devices))
    assert [(seat.driver, seat.properties) for seat in parse(words).devices] == [
        ("ivshmem-plain", {"memdev": "standin0"}),
        ("pci-testdev", {"membar": 16 << 30}),
    ]
    assert f"memory-backend-ram,id=standin0,size={16 << 30},reserve=off" in after(words, "-object")


@pytest.mark.parametrize("driver", ["virtio-vga-gl", "virtio-gpu-gl-pci", "vhost-vsock-pci-non-transitional"])
def test_what_needs_hardware(driver: str) -> None:
    assert needs_hardware(driver)


def test_memory_devices_make_room() -> None:
    planned = layout(devices=[endpoint("m", "virtio-mem-pci", "pcie.0", 1)])
    (size,) = after(standalone(planned), "-m")
    assert size.startswith(f"{128 << 20}B,maxmem=")


def test_json_form() -> None:
    words = standalone(layout(devices=[endpoint("n", "e1000e", "pcie.0", 1)]), as_json=True)
    assert words[-1].startswith('{"driver": "e1000e"')


@pytest.mark.parametrize("stated", [None, "first", "last"])
def test_one_serial_a_subsystem(stated: str | None) -> None:
    """QEMU refuses a second one, whoever states it; other subsystems, and disks without one, have their own."""
    named = {"first": {"one": {"serial": "mine"}}, "last": {"two": {"serial": "mine"}}}.get(stated or "", {})
    subsystems = {"one": "s", "two": "s", "three": "u", "alone": None}
    disks = [
        endpoint(
            name, "nvme", "pcie.0", slot=number, properties={**({"subsys": of} if of else {}), **named.get(name, {})}
        )
        for number, (name, of) in enumerate(subsystems.items(), 3)
    ]
    serials = {one.id: str(one.properties["serial"]) for one in parse(standalone(layout((), disks))).devices}
    one, two, three, alone = (serials[name] for name in subsystems)
    assert one == two
    assert (one == "mine") is (stated is not None)
    assert len({one, three, alone}) == 3
