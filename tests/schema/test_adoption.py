"""Command lines as guests: what is read, where QEMU would put what says no place, what is not understood."""

import shlex
from pathlib import Path

import pytest

import qslot
from qslot.schema.formats.placed import read_placed
from qslot.schema.qemu_arguments import QemuArgumentError
from qslot.schema.qemu_arguments.config_file import words_of_config
from qslot.schema.qemu_arguments.shell_words import arguments_in, is_command_line, words_of

LINES = Path(__file__).parent / "command_lines"


def placed(line: str) -> qslot.Layout:
    return read_placed(["qemu-system-x86_64", *shlex.split(line)]).layout


def seats(layout: qslot.Layout) -> dict[str, str]:
    return {one.id: str(one.address) for one in (*layout.controllers, *layout.devices)}


def unread(line: str) -> list[str]:
    return list(qslot.read_guest(["qemu-system-x86_64", *shlex.split(line)]).unread)


class TestWords:
    @pytest.mark.parametrize(
        "text",
        ["qemu-system-x86_64 -M q35", "LC_ALL=C \\\n/usr/libexec/qemu-kvm \\\n-S", "# a\n-M q35", "kvm\0-id\0001\0"],
    )
    def test_a_command_line_is_told_from_a_guest(self, text: str) -> None:
        assert is_command_line(text)

    @pytest.mark.parametrize("text", ["machine: q35", "- a\n- b", "---\nmachine: q35", "", '{"a": 1}', "a = 1"])
    def test_a_guest_is_no_command_line(self, text: str) -> None:
        assert not is_command_line(text)

    def test_variables_wrappers_and_the_program_go(self) -> None:
        assert arguments_in(words_of("A=b sudo -E \\\n /usr/bin/kvm -M 'q 35'")) == ["-M", "q 35"]

    def test_proc_has_zero_bytes(self) -> None:
        assert words_of("kvm\0-name\0a b\0") == ["kvm", "-name", "a b"]

    @pytest.mark.parametrize("words", [["ls", "-l"], [], ["qemu-system-aarch64", "-M", "virt"]])
    def test_another_program(self, words: list[str]) -> None:
        with pytest.raises(QemuArgumentError):
            arguments_in(words)


class TestConfigFile:
    def test_each_section_is_an_option(self) -> None:
        text = '# c\n[device "a,b"]\n driver = "edu"\n\n[machine]\n  type = "q35"\n[memory]\nsize = "1024"\n'
        assert words_of_config(text, "f") == [
            *("-device", "id=a,,b,driver=edu"),
            *("-machine", "type=q35"),
            *("-m", "size=1024"),
        ]

    def test_what_is_none_is_named(self) -> None:
        with pytest.raises(QemuArgumentError, match="line 2"):
            words_of_config('[device "a"]\ndriver: edu', "x.cfg")

    def test_one_that_is_not_there_is_told(self) -> None:
        told = unread("-M q35 -nodefaults -readconfig /nowhere.cfg -device e1000,bus=pci.0,addr=3")
        assert any("/nowhere.cfg" in words for words in told)
        assert any("bus pci.0 is none that is known here" in words for words in told)


class TestPlaces:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("-M q35", {"VGA-0": "pcie.0:01.0", "e1000e-0": "pcie.0:02.0"}),
            ("", {"VGA-0": "pci.0:02.0", "e1000-0": "pci.0:03.0"}),
            ("-M q35 -nodefaults", {}),
            ("-M pc-q35-2.11", {"VGA-0": "pcie.0:01.0", "e1000-0": "pcie.0:02.0"}),
            ("-M pc-i440fx-2.1 -net none", {"cirrus-vga-0": "pci.0:02.0"}),
            ("-M q35 -device VGA", {"e1000e-0": "pcie.0:01.0", "VGA-0": "pcie.0:02.0"}),
            ("-M q35 -global VGA.vgamem_mb=16 -netdev user,id=n", {}),
            ("-M q35 -vga none -net nic,model=rtl8139", {"rtl8139-0": "pcie.0:01.0"}),
            ("-M q35 -vga none -nic user,model=ne2k_isa", {}),
            # text before JSON, -drive if=virtio between
            (
                "-M q35 -vga none -nic none -device '{\"driver\":\"edu\"}' -drive if=virtio,id=d -device e1000",
                {"e1000-0": "pcie.0:01.0", "virtio-blk-0": "pcie.0:02.0", "edu-0": "pcie.0:03.0"},
            ),
            # function 0 decides, whatever else is in the slot
            (
                "-M q35 -nodefaults -device edu,id=a,addr=1.1 -device edu,id=b,multifunction=on",
                {"a": "pcie.0:01.1", "b": "pcie.0:01.0"},
            ),
            (
                "-M q35 -nodefaults -device pcie-root-port,id=p -device edu,id=a,bus=p -set device.a.addr=0",
                {"p": "pcie.0:01.0", "a": "p:00.0"},
            ),
            (
                "-M q35 -nodefaults -device edu,id=a -device amd-iommu,id=i -device edu,id=b",
                {"a": "pcie.0:01.0", "i": "pcie.0:02.0", "b": "pcie.0:03.0"},
            ),
            (
                "-M q35 -nodefaults -device AMDVI-PCI,id=i,addr=6 -device amd-iommu,pci-id=i",
                {"i": "pcie.0:06.0"},
            ),
            # the bus of the latest expander is the first that QEMU finds
            (
                "-M q35 -nodefaults -device pxb-pcie,id=x -device ioh3420,id=a -device edu,id=b,bus=pcie.0",
                {"x": "pcie.0:01.0", "a": "x:00.0", "b": "pcie.0:02.0"},
            ),
            ("-M pc -nodefaults -usbdevice tablet -device edu,id=a", {"a": "pci.0:02.0"}),
            (
                "-M q35 -nodefaults -virtfs local,path=/,mount_tag=t -device edu",
                {"virtio-9p-0": "pcie.0:01.0", "edu-0": "pcie.0:02.0"},
            ),
        ],
    )  # fmt: skip
    def test_the_first_free_slot_in_the_order_of_creation(self, line: str, expected: dict[str, str]) -> None:
        assert seats(placed(line)) == expected

    def test_a_plan_leaves_open_what_the_line_leaves_open(self) -> None:
        guest = qslot.read_guest(shlex.split("kvm -M q35 -nodefaults -device edu,id=a -device edu,id=b,addr=7"))
        assert {one.id: one.address and str(one.address) for one in guest.devices} == {"a": None, "b": "pcie.0:07.0"}


class TestMachine:
    def test_ram_firmware_and_chipset(self) -> None:
        line = (
            "-M q35,usb=on,smm=on -m 2048,maxmem=8G,slots=2 -drive if=pflash,file=x -cpu EPYC,phys-bits=46 "
            "-numa node -numa node -global driver=cfi.pflash01,property=secure,value=on -device intel-iommu"
        )
        guest = qslot.read_guest(["kvm", *shlex.split(line)])
        assert (guest.memory, guest.max_memory, guest.memory_slots) == (2 << 30, 8 << 30, 2)
        assert (guest.firmware.name, guest.needs, guest.numa_nodes) == ("ovmf", ("secure-boot", "viommu"), 2)
        assert (guest.chipset.usb, guest.phys_bits, guest.unread) == (True, 46, ())

    def test_the_chipsets_usb_as_libvirt_writes_it(self) -> None:
        layout = placed("-M pc,usb=off -nodefaults -device piix3-usb-uhci,id=usb,bus=pci.0,addr=0x1.0x2")
        assert (layout.devices, layout.platform.chipset.usb) == ((), True)

    @pytest.mark.parametrize("machine", ["microvm", "isapc", "virt", "none"])
    def test_a_machine_without_pci_is_refused(self, machine: str) -> None:
        with pytest.raises(qslot.InputError, match=machine):
            placed(f"-M {machine}")


class TestUnread:
    @pytest.mark.parametrize(
        "argument",
        ["-banana 5", "-device nobody", "-vga xenfb", "-bios strange.rom", "-drive if=scsi,file=x", "-m lots", "stray"],
    )
    def test_what_is_not_understood_is_told(self, argument: str) -> None:
        told = unread(f"-M q35 -nodefaults -net none {argument}")
        assert len(told) == 1
        assert argument.split()[-1].split(",")[0] in told[0]

    def test_a_device_of_an_unknown_type_keeps_its_address(self) -> None:
        layout = placed("-M q35 -nodefaults -device nobody,addr=4,id=n")
        assert seats(layout) == {"n": "pcie.0:04.0"}


class TestWritten:
    """By Proxmox, by libvirt for KubeVirt, by hand."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (
                "proxmox-q35",
                {"ich9-pcie-port-2": "pcie.0:1c.1", "pci.0": "pcidmi:01.0", "net0": "pci.0:12.0", "vga": "pcie.0:01.0"},
            ),
            ("libvirt", {"pci.2": "pcie.0:02.1", "scsi0": "pci.2:00.0", "ua-default": "pci.1:00.0"}),
            ("plain", {"virtio-net-0": "pci.0:03.0", "intel-hda-0": "pci.0:04.0", "virtio-blk-0": "pci.0:06.0"}),
        ],
    )
    def test_they_are_read_whole(self, name: str, expected: dict[str, str]) -> None:
        adopted = read_placed(LINES / f"{name}.args")
        assert adopted.warnings == ()
        assert expected.items() <= seats(adopted.layout).items()
        assert qslot.read_guest(LINES / f"{name}.args").unread == ()

    def test_one_can_be_planned_without_a_move(self) -> None:
        source = LINES / "proxmox-q35.args"
        before = qslot.read_placed(source).layout
        after = qslot.solve(qslot.read_guest(source), previous=before).require()
        assert seats(before).items() <= seats(after).items()
