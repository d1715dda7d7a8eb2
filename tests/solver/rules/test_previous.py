"""Rules kept-controllers and frozen: requests beside the plan of an earlier one."""

import pytest

from ..ask import (
    Case,
    Trio,
    Trios,
    check_trio,
    device,
    pc,
    policy,
    q35,
)

NICS = [device("net0", "e1000e"), device("net1", "e1000e")]
ON_PC = [device("vga", "VGA"), device("net0", "e1000"), device("net1", "e1000")]
BRIDGED = pc(device("net0", "e1000", hotplug="required"), chipset={"root_hotplug": False})

TRIOS: Trios = {
    ("kept-controllers", "an empty port"): Trio(
        Case(q35(NICS[1], previous=q35(*NICS)), {"rp1": "pcie.0:01.0", "net1": "rp2:00.0"}),
        q35(NICS[1], previous=q35(*NICS), policy=policy(max_controllers=1)),
        Case(pc(previous=BRIDGED, policy=policy(prune=True, max_controllers=0))),
    ),
    ("frozen", "a seat that is reserved"): Trio(
        Case(pc(*ON_PC, previous=pc(*ON_PC), policy=policy(frozen=True)), {"net0": "pci.0:03.0"}),
        pc(*ON_PC, previous=pc(*ON_PC), policy=policy(frozen=True), reserve=["pci.0:03"]),
        Case(pc(*ON_PC, previous=pc(*ON_PC), reserve=["pci.0:03"]), {"net0": "pci.0:05.0", "net1": "pci.0:04.0"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "case"), TRIOS)
def test_trio(rule: str, case: str) -> None:
    check_trio(rule, TRIOS[rule, case])
