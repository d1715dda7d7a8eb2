"""The properties by which QEMU makes virtual functions of an nvme: requests are refused where it refuses, no more."""

from random import Random

import pytest
from pydantic import ValidationError

from qslot.schema import Solved
from qslot.schema.catalog.measure.ask import MEMORY_ARGUMENTS, Qemu
from qslot.schema.catalog.nvme_queues import MANY_SINCE, MOST_BEFORE
from qslot.schema.catalog.virtual_functions import asked_for
from qslot.schema.formats.standalone import standalone
from qslot.solver import solve
from qslot.testing.generator import Data

from .sriov import refusal
from .this_qemu import OTHER_QEMU, name, request, version

pytestmark = pytest.mark.real

DRAWN = 120
BACKENDS = (
    *("-object", "memory-backend-ram,id=memory,size=1M"),
    *("-drive", "if=none,id=disk,driver=null-co,size=1M"),
    *("-device", "nvme-subsys,id=subsystem"),
    *("-device", "pcie-root-port,id=rp,chassis=1,addr=2"),
)
FIXED: dict[str, Data] = {
    "a number alone": {"sriov_max_vfs": 2},
    "no vectors": {"sriov_max_vfs": 2, "sriov_vq_flexible": 4},
    "all that it takes": asked_for("nvme", 2, {}),
    "all that many take": asked_for("nvme", MOST_BEFORE, {}),
    "a pair too few": {**asked_for("nvme", 2, {}), "sriov_vq_flexible": 3},
    "a vector too few": {**asked_for("nvme", 2, {}), "sriov_vi_flexible": 1},
    "all but two of the pairs": asked_for("nvme", 2, {"sriov_vq_flexible": 62}),
    "no pairs left": {**asked_for("nvme", 2, {}), "sriov_vq_flexible": 63},
    "all but one of the vectors": asked_for("nvme", 2, {"sriov_vi_flexible": 64}),
    "no vector left": {**asked_for("nvme", 2, {}), "sriov_vi_flexible": 65},
    "a buffer in the controller": {**asked_for("nvme", 2, {}), "cmb_size_mb": 1},
    "memory in the controller": {**asked_for("nvme", 2, {}), "pmrdev": "memory"},
    "a drive": {**asked_for("nvme", 2, {}), "drive": "disk"},
    "one pair each": {**asked_for("nvme", 2, {}), "sriov_max_vq_per_vf": 1},
    "two pairs each": {**asked_for("nvme", 2, {}), "sriov_max_vq_per_vf": 2},
    "a BAR for vectors": {**asked_for("nvme", 2, {}), "msix-exclusive-bar": True},
    "queues of none": {"sriov_vq_flexible": 4000, "sriov_vi_flexible": 4000, "sriov_max_vq_per_vf": 1},
    "pairs of queues of a disk": {"max_ioqpairs": 0},
    "vectors of a disk": {"msix_qsize": 2049},
}


def qemu_refuses(qemu: Qemu, properties: Data) -> str:
    """Alone behind a port, in a subsystem."""
    text = ",".join(f"{key}={'on' if value is True else value}" for key, value in properties.items())
    device = ("-device", f"nvme,serial=s,subsys=subsystem,bus=rp,addr=0,{text}")
    return refusal(qemu, ("-machine", "q35", *MEMORY_ARGUMENTS, *BACKENDS, *device))


def we_refuse(*disks: Data) -> str:
    """The same, and any more of that subsystem."""
    devices = [
        {"id": f"d{number}", "model": "nvme", "properties": {"subsys": "subsystem", "serial": "s", **properties}}
        for number, properties in enumerate(disks)
    ]
    try:
        request({"machine": "q35", "devices": devices})
    except ValidationError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("properties", FIXED.values(), ids=FIXED)
def test_refused_by_both_or_neither(qemu: Qemu, properties: Data) -> None:
    theirs, ours = qemu_refuses(qemu, properties), we_refuse(properties)
    assert bool(theirs) == bool(ours), (theirs, ours)


def drawn(random: Random) -> Data:
    """Mostly at the border of what QEMU takes."""
    number = random.choice((1, 2, 3, 7, 31, 32, 64, 100))
    properties = asked_for("nvme", number, {})
    properties |= {"max_ioqpairs": properties.get("max_ioqpairs", 64), "msix_qsize": properties.get("msix_qsize", 65)}
    for one in random.sample(sorted(properties), random.randint(0, 2)):
        properties[one] = max(0, int(properties[one]) + random.choice((-2, -1, 1, 2, 40)))
    if random.random() < 0.2:
        properties["sriov_max_vq_per_vf"] = random.choice((0, 1, 2, 3, 200))
    return properties


def test_refused_alike_where_drawn(qemu: Qemu) -> None:
    drawings = [drawn(Random(seed)) for seed in range(DRAWN)]
    differ = [
        (one, theirs, ours)
        for one in drawings
        if bool(theirs := qemu_refuses(qemu, one)) != bool(ours := we_refuse(one))
    ]
    assert not differ
    taken = sum(not we_refuse(one) for one in drawings)
    assert 30 < taken < DRAWN - 30


def test_vectors_of_one_function(qemu: Qemu) -> None:
    if version() < (10, 0):
        pytest.skip(f"{OTHER_QEMU} {name()}, which looks at them when the guest enables virtual functions")
    for most, refused in ((2048, False), (2049, True)):
        one = {**asked_for("nvme", 2, {}), "sriov_max_vi_per_vf": most}
        assert bool(qemu_refuses(qemu, one)) == bool(we_refuse(one)) == refused


def test_so_many_an_older_qemu_does_not_take(qemu: Qemu) -> None:
    one = asked_for("nvme", MOST_BEFORE + 1, {})
    assert bool(qemu_refuses(qemu, one)) == bool(we_refuse(one)) == (version() < MANY_SINCE)


def test_a_subsystem_has_room_for_256(qemu: Qemu) -> None:
    """127 + 1 twice fill it."""
    full = [asked_for("nvme", MOST_BEFORE, {})] * 2
    assert not we_refuse(*full)
    assert "257 controllers" in we_refuse(*full, {})
    devices = [
        {"id": f"d{n}", "model": "nvme", "properties": {"subsys": "subsystem", "serial": "s", **one}}
        for n, one in enumerate(full)
    ]
    outcome = solve(request({"machine": "q35", "devices": devices}))
    assert isinstance(outcome, Solved)
    words = standalone(outcome.layout)
    assert refusal(qemu, words) == ""
    third = ("-device", "nvme,serial=s,subsys=subsystem,bus=pcie.0,addr=0x10")
    assert "no more free controller id" in refusal(qemu, (*words, *third))


def test_wished_ones_start(qemu: Qemu) -> None:
    for number in (1, 31, 32, 65, MOST_BEFORE):
        outcome = solve(request({"machine": "q35", "devices": [{"id": "disk", "model": "nvme", "vfs": number}]}))
        assert isinstance(outcome, Solved)
        assert refusal(qemu, standalone(outcome.layout)) == ""


@pytest.mark.parametrize("stated", [(None, None), ("a", None), (None, "a"), ("a", "a"), ("a", "b")])
def test_a_subsystem_has_one_serial(qemu: Qemu, stated: tuple[str | None, str | None]) -> None:
    """With those that a request leaves open made up, two disks of one start; where it states two, QEMU refuses both."""
    properties = [{"subsys": "subsystem", **({} if one is None else {"serial": one})} for one in stated]
    devices = [{"id": f"d{n}", "model": "nvme", "properties": one} for n, one in enumerate(properties)]
    if stated == ("a", "b"):
        assert "one serial for all of them" in we_refuse(*properties)
        both = [f"nvme,serial={one},subsys=subsystem,bus=pcie.0,addr={n + 3}" for n, one in enumerate("ab")]
        words = ("-machine", "q35", *MEMORY_ARGUMENTS, *BACKENDS, "-device", both[0], "-device", both[1])
        assert "invalid controller serial" in refusal(qemu, words)
        return
    outcome = solve(request({"machine": "q35", "devices": devices}))
    assert isinstance(outcome, Solved)
    assert refusal(qemu, standalone(outcome.layout)) == ""
