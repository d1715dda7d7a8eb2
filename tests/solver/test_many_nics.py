"""Every number of identical NICs is planned and proved, also those that greedy allocators refuse."""

import pytest

from qslot.schema import Guest, Solved
from qslot.solver import solve


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_every_size(machine: str) -> None:
    """libvirt 9.0 refuses 28 sizes on each machine: 60, 90, 91, ... and 62, 92, 93, ...."""
    windows = []
    for count in range(1, 247):
        devices = [{"id": f"n{n}", "model": "virtio-net", "virtio": "transitional"} for n in range(count)]
        outcome = solve(Guest.model_validate({"machine": machine, "devices": devices}))
        assert isinstance(outcome, Solved), count
        terms = {term.term: term.value for term in outcome.layout.objective}
        assert terms["preferences"] == 0
        windows.append(terms["io_windows"] // 4096)
    # pc: 30 slots on the root, one of which holds up to eight bridges of 31; q35: bridges of 31, some nested
    expected = [-(-max(0, n - 29) // 31) if n > 30 else 0 for n in range(1, 247)]
    assert windows == (expected if machine == "pc" else [-(-n // 31) for n in range(1, 247)])
