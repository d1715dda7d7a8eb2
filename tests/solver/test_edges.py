"""Every field with a range, at its edge: encoder, checker and prediction say the same on both sides of it."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import pytest
from pydantic import TypeAdapter, ValidationError

from qslot.schema import Guest, Infeasible
from qslot.schema.base import Frozen
from qslot.schema.pci.cpu import Cpu
from qslot.schema.request.device import Bar, Controller, Device, Spare
from qslot.schema.request.fields import Policy
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.testing import restate

from .ask import Data, devices, host, only, pc, planned, policy, q35, refused
from .edges import Verdicts, planned_widely, valid, verdicts

YES, NO = Verdicts(True, True, True), Verdicts(False, False, False)
FIRMWARE = ("seabios", "ovmf")
MODELS: Final = (Guest, Device, Controller, Spare, Bar, Policy, Cpu)
LARGEST_BAR: Final = 45
"""As a power of two: 32 TiB, for one of which SeaBIOS up to 1.16.3 finds a place in 46 address bits and more."""


def ranges() -> Iterator[tuple[str, Any, int]]:
    """Fields with a largest or a least value: name, type, and that value."""
    for model in MODELS:
        for name, field in model.model_fields.items():
            for bound in field.metadata:
                for kind, step in (("ge", -1), ("le", 1)):
                    if (edge := getattr(bound, kind, None)) is not None:
                        yield f"{model.__name__}.{name} {kind} {edge}", (field, edge), step


@pytest.mark.parametrize(("field", "step"), [pytest.param(*rest, id=name) for name, *rest in ranges()])
def test_the_edge_is_taken_and_the_next_is_not(field: Any, step: int) -> None:
    """Of an `int | None`, too. A size is given in bytes."""
    info, edge = field
    ranged: Any = Annotated[(info.annotation, *info.metadata)]
    adapter = TypeAdapter[Any](ranged)
    assert adapter.validate_python(edge) == edge
    with pytest.raises(ValidationError):
        adapter.validate_python(edge + step)


def with_bar(bits: int, firmware: str | Data, **fields: Any) -> Data:
    bars = [{"bar": 0, "kind": "mem64", "size": 1 << bits, "prefetchable": True}]
    card = {"id": "gpu0", "model": "vfio-pci", "connect": "express", "bars": bars}
    return q35(card, firmware=firmware, **fields)


def test_every_model_of_a_request_with_a_range_is_among_them() -> None:
    ranged = {
        model.__name__
        for model in {*models()} | {Cpu}
        if any(hasattr(bound, "le") for field in model.model_fields.values() for bound in field.metadata)
    }
    assert ranged - {one.__name__ for one in MODELS} == {"GuestFields"}  # a Guest has its fields


def models(base: type[Frozen] = Frozen) -> Iterator[type[Frozen]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("qslot.schema.request."):
            yield model
        yield from models(model)


def in_turn(firmware: str | Data, size: int) -> dict[int, Verdicts]:
    """By the address bits, from 52 down to the fewest with which QEMU starts."""
    seats = planned_widely(with_bar(33, firmware, phys_bits=52))
    narrower = ((bits, valid(with_bar(size, firmware, phys_bits=bits))) for bits in range(52, 31, -1))
    return {bits: verdicts(guest, seats) for bits, guest in narrower if guest is not None}


@pytest.mark.parametrize("size", [33, 40, LARGEST_BAR])
def test_older_seabios_looks_at_no_address_bits(size: int) -> None:
    """It puts 64-bit memory behind RAM, wherever that ends; QEMU's own hole needs 36 bits to start."""
    older = {"name": "seabios", "version": "1.16.2"}
    assert in_turn(older, size) == dict.fromkeys(range(52, 35, -1), YES)


@pytest.mark.parametrize(
    ("version", "size", "lacking"),
    [
        *(("1.16.3", 38, ()), ("1.16.3", 39, (40,)), ("1.16.3", 40, (40,)), ("1.16.3", 41, (40, 41))),
        *(("1.17.0", 43, range(40, 44)), ("1.17.0", 44, range(40, 53)), ("1.16.3", LARGEST_BAR, range(40, 46))),
    ],
)
def test_seabios_counts_down_from_the_address_bits_that_it_believes(
    version: str, size: int, lacking: Iterable[int]
) -> None:
    """Where there are fewer, 64-bit memory would begin below 0. 1.17.0 uses 44 of them, of which AMD's reserved
    addresses take the first TiB; fewer than 40 of AMD's nobody believes."""
    newer = {"name": "seabios", "version": version}
    assert in_turn(newer, size) == {bits: NO if bits in lacking else YES for bits in range(52, 35, -1)}


@pytest.mark.parametrize(("size", "least"), [(33, 36), (38, 41), (42, 45), (43, 46), (44, 53), (LARGEST_BAR, 53)])
def test_ovmf_has_a_part_of_the_address_bits(size: int, least: int) -> None:
    """An eighth, and 8 TiB at most, with room to align."""
    assert in_turn("ovmf", size) == {bits: YES if bits >= least else NO for bits in range(52, 35, -1)}


@pytest.mark.parametrize(("bits", "size"), [(40, 36), (42, 38), (46, 42)])
def test_ram_up_to_tebibytes(bits: int, size: int) -> None:
    """With OVMF: the most RAM, in GiB, that leaves a BAR its place, and one GiB more."""

    def asked(gib: int) -> Guest | None:
        return valid(with_bar(size, "ovmf", phys_bits=bits, memory=f"{gib}GiB"))

    def fits(gib: int) -> bool:
        guest = asked(gib)
        return guest is not None and verdicts(guest, seats) == YES

    seats = planned_widely(with_bar(33, "ovmf", phys_bits=52))
    low, high = 1, 1 << bits - 30
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    more = asked(high)
    assert low >= 1 << bits - 34
    assert fits(low)
    assert more is None or verdicts(more, seats) == NO


@pytest.mark.parametrize("ports", [1, 5, 100])
def test_256_bus_numbers(ports: int) -> None:
    """Bus 0, one for each port, of which one is listed, and all others in its bus-reserve: one more there is not."""

    def asked(reserve: int) -> Guest:
        listed = [{"id": "rp", "model": "pcie-root-port", "properties": {"bus-reserve": reserve}}]
        flat = policy(max_depth=1)  # no switch, whose ports would use what is reserved
        return Guest.model_validate(q35(*devices(ports, "nvme", hotplug="required"), controllers=listed, policy=flat))

    left = 256 - 1 - ports
    seats = planned_widely(asked(left - 9).model_dump(mode="json"))
    assert [verdicts(asked(reserve), seats) for reserve in (left - 1, left, left + 1)] == [YES, YES, NO]


def test_8_functions_of_a_slot() -> None:
    """Eight ports in one, and no ninth: wherever it would be in that slot, the checker says no."""
    room: Data = {"reserve": only("01")}
    layout = planned(q35(*devices(8, "nvme", hotplug="required"), **room))
    assert sorted(one.function for one in layout.controllers) == list(range(8))
    assert all(layout.guest_addresses.values())
    ninth = q35(*devices(9, "nvme", hotplug="required"), **room, policy=policy(max_depth=1))
    assert isinstance(refused(ninth), Infeasible)
    guest = Guest.model_validate(ninth)
    for function in range(8):
        port = layout.controllers[0].model_copy(update={"id": "rp9", "function": function})
        more = layout.model_copy(update={"controllers": (*layout.controllers, port)})
        assert "address-unique" in {one.rule for one in verify(guest, more)}


def test_eight_in_a_group_and_no_ninth() -> None:
    layout = planned(q35(*devices(8, "AC97", group="g")))
    assert {one.function for one in layout.devices} == {*range(8)}
    assert all(layout.guest_addresses.values())
    with pytest.raises(ValidationError, match="'g' has 9 members, but a slot has 8 functions"):
        Guest.model_validate(q35(*devices(9, "AC97", group="g")))


def test_31_slots_of_a_bridge() -> None:
    """And no 32nd: wherever it sits on the bridge, in slot 0 or beside another, the checker says no."""
    one = policy(max_controllers=1)
    room: Data = {"reserve": only("02", machine="pc"), "policy": one}
    layout = planned(pc(*devices(31, "e1000", hotplug="required", virtio=None), **room))
    assert sorted(device.slot for device in layout.devices) == list(range(1, 32))
    assert all(layout.guest_addresses.values())
    guest = Guest.model_validate(pc(*devices(32, "e1000", hotplug="required", virtio=None), **room))
    assert isinstance(solve(guest), Infeasible)
    for slot in range(32):
        last = layout.devices[0].model_copy(update={"id": "d31", "slot": slot})
        more = restate(layout.model_copy(update={"devices": (*layout.devices, last), "input_sha256": guest.sha256}))
        assert {one.rule for one in verify(guest, more)} & {"address-range", "address-unique"}


def test_20000_devices() -> None:
    """As many as are read: no PCI holds them, and the checker misses each in an empty layout."""
    guest = Guest.model_validate(q35(*devices(20_000, "virtio-net")))
    outcome = solve(guest)
    assert isinstance(outcome, Infeasible)
    assert {one.rule for one in outcome.findings} <= {"io-space", "bus-numbers", "address-unique", "memory-space"}
    empty = restate(planned(q35())).model_copy(update={"input_sha256": guest.sha256})
    missing = [one for one in verify(guest, empty) if one.rule == "complete"]
    assert sum(len(one.subjects) for one in missing) == 20_000


def test_an_io_bar_of_a_page() -> None:
    layout = planned(q35(host("a", io=4096, hotplug="required")))
    assert [window.size for window in layout.io_windows] == [4096]
    assert valid(q35(host("a", io=8192))) is None
