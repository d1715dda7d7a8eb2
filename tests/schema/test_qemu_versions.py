"""Which QEMU and firmware run a guest: stated, told by something else that is stated, or assumed."""

from typing import Any

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Layout
from qslot.schema.environment.host import host_of_versions
from qslot.schema.pci.qemu_versions import MEASURED, assumed_qemu, default_firmware, oldest_type
from qslot.schema.verify import verify
from tests.schema.good import Q35_GUEST, q35


def guest(**fields: Any) -> Guest:
    return Guest.model_validate({"machine": "q35", **fields})


@pytest.mark.parametrize("measured", MEASURED, ids=str)
@pytest.mark.parametrize("name", ["seabios", "ovmf"])
def test_a_stated_qemu_brings_its_firmware(name: str, measured: Any) -> None:
    known = guest(qemu=".".join(map(str, measured.version)), firmware=name)
    assert (known.qemu_version, known.machine_model.qemu) == (measured.version, measured.version)
    assert known.firmware.version == measured.firmware(name)
    assert not known.firmware.stated


@pytest.mark.parametrize("measured", MEASURED, ids=str)
@pytest.mark.parametrize("name", ["seabios", "ovmf"])
def test_a_stated_firmware_tells_the_qemu(name: str, measured: Any) -> None:
    known = guest(firmware={"name": name, "version": measured.firmware(name)})
    assert (known.qemu, known.qemu_version) == ("", measured.version)


@pytest.mark.parametrize(
    ("machine", "firmware", "qemu"),
    [
        ("q35", None, MEASURED[-1].version),
        ("pc-q35-7.2", ("ovmf", (2024, 5)), (7, 2)),  # no newer than that
        ("pc-q35-10.0", ("seabios", (1, 16, 2)), (10, 0)),  # which the machine type takes
        ("pc-q35-2.4", ("seabios", (1, 17, 0)), (10, 0)),  # 11.1 has none so old
        ("pc-q35-11.1", None, (11, 1)),
        ("pc-q35-7.2", None, (11, 1)),
        ("pc-q35-4.2", None, (10, 0)),
        ("pc-q35-12.0", None, (12, 0)),  # nobody has it that was asked
        ("pc-i440fx-1.4", None, (7, 2)),
    ],
)
def test_assumed(machine: str, firmware: Any, qemu: tuple[int, ...]) -> None:
    known = guest(machine=machine)
    assert assumed_qemu(known.machine_model.family, known.machine_model.version, firmware) == qemu


def test_a_firmware_that_is_assumed_is_one_that_is_predicted() -> None:
    predicted = {one.seabios for one in MEASURED}
    for machine in ("q35", "pc", "pc-q35-2.4", "pc-q35-11.1", "pc-i440fx-1.4", "pc-q35-12.0"):
        assert guest(machine=machine).firmware.version in predicted
    assert default_firmware("ovmf", (12, 0)) == MEASURED[-1].ovmf


def test_a_qemu_has_no_machine_type_that_is_newer_or_that_it_dropped() -> None:
    assert [oldest_type(version, "q35") for version in ((7, 2), (9, 1), (10, 0), (10, 1), (11, 0), (11, 1))] == [
        *((2, 4), (2, 4), (2, 4), (4, 2), (5, 1), (5, 2))
    ]
    assert [oldest_type(version, "pc") for version in ((7, 2), (9, 1))] == [(1, 4), (2, 4)]


@pytest.mark.parametrize(
    ("machine", "qemu"),
    [
        ("pc-q35-5.1", "11.1"),
        ("pc-q35-10.1", "10.0"),
        ("pc-i440fx-2.3", "10.0"),
        ("pc-q35-rhel9.4.0", "7.2"),
        ("pc-1.0", "7.2"),
    ],
)
def test_a_machine_type_that_the_qemu_lacks_is_refused(machine: str, qemu: str) -> None:
    with pytest.raises(ValidationError, match=f"QEMU {qemu} has no '{machine}'.* take one of these, or a QEMU that"):
        guest(machine=machine, qemu=qemu)


@pytest.mark.parametrize(
    ("machine", "qemu"),
    [("pc-q35-5.2", "11.1"), ("q35", "11.1"), ("pc-i440fx-rhel7.6.0", "11.1"), ("pc-1.0", "2.0"), ("pc-q35-2.4", 10.0)],
)
def test_what_a_qemu_has_or_a_distribution_may_have_is_not(machine: str, qemu: object) -> None:
    assert guest(machine=machine, qemu=qemu).qemu == str(qemu)


@pytest.mark.parametrize("qemu", ["10", "x", "10.0.0.0", 11, "v7.2"])
def test_a_version_of_qemu_that_is_none(qemu: object) -> None:
    with pytest.raises(ValidationError) as caught:
        guest(qemu=qemu)
    assert caught.value.errors()[0]["loc"] == ("qemu",)


def test_what_is_left_open_is_neither_dumped_nor_hashed() -> None:
    open_, again = guest(), Guest.model_validate(guest().model_dump())
    assert (again, again.sha256, again.firmware.stated) == (open_, open_.sha256, False)
    first = guest(firmware="seabios:1.16.2")
    assert first.sha256 == open_.sha256  # what was once the one default
    said = [guest(qemu="7.2"), guest(qemu="10.0"), guest(firmware="seabios:1.17.0")]
    assert len({one.sha256 for one in (open_, *said)}) == 4
    assert [Guest.model_validate(one.model_dump()).sha256 for one in said] == [one.sha256 for one in said]


def test_a_layout_for_another_qemu_answers_a_request_that_leaves_it_open() -> None:
    asked, layout = q35()
    other = Layout.model_validate(
        layout.model_dump()
        | {"firmware": "seabios:1.17.0", "platform": {**layout.platform.model_dump(), "qemu": "11.1"}}
    )
    assert [one for one in verify(asked, other) if one.rule in ("as-requested", "hash")] == []
    stated = Guest.model_validate({**Q35_GUEST, "qemu": "7.2"})
    (found,) = (one for one in verify(stated, other) if one.rule == "as-requested")
    assert found.details == {"firmware": "seabios 1.17.0", "qemu": "11.1"}


def test_a_layout_is_a_request_for_its_qemu() -> None:
    _, layout = q35(qemu="10.0")
    again = Guest.from_layout(layout)
    assert (again.qemu, again.firmware.version, again.machine_model) == ("10.0", "1.16.3", layout.machine_model)


def test_a_model_that_the_qemu_lacks_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"devices\.n\.model: QEMU 7\.2 has no igb, which is there from QEMU 8\.0 on"
    ):
        guest(qemu="7.2", devices=[{"id": "n", "model": "igb"}])
    assert guest(qemu="10.0", devices=[{"id": "n", "model": "igb"}]).qemu == "10.0"


def test_a_host_lacks_models_that_are_newer() -> None:
    assert [host_of_versions(f"qemu={version}").has_model("igb") for version in ("7.2", "10.0")] == [False, True]
    assert host_of_versions("qemu=7.2").has_model("nvme") is True
    assert host_of_versions("libvirt=9.0").has_model("igb") is None
