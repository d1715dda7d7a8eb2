"""The examples that are programs: what `make demo` runs, KubeVirt's hook, a planner."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import qslot

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
KUBEVIRT: Final = (EXAMPLES / "kubevirt.xml").read_text(encoding="utf-8")


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def demo() -> ModuleType:
    return example("demo")


def test_without_qemu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert demo().main() == 0
    printed = capsys.readouterr().out
    for part in ("optimal, every term proved", "-device pcie-pci-bridge,", "No real QEMU was asked"):
        assert part in printed


def hooked(domain: str, **annotations: str) -> "subprocess.CompletedProcess[str]":
    """What KubeVirt's sidecar-shim gets: it gives the VMI and the domain as arguments."""
    vmi = json.dumps({"metadata": {"name": "web1", "annotations": annotations}})
    words = [str(EXAMPLES / "kubevirt_hook.py"), "--vmi", vmi, "--domain", domain]
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120, check=False)


def test_the_hook_states_every_address_and_asks_for_spare_slots() -> None:
    done = hooked(KUBEVIRT, **{"qslot/spare": "pcie=6"})
    assert (done.returncode, done.stderr) == (0, "")
    guest = qslot.parse_guest(done.stdout)
    assert all(device.address is not None for device in guest.devices)
    layout = qslot.solve(guest).require()
    assert sum(len(bus.slots) for bus in qslot.capacity(layout).free) == 6


def test_the_hook_keeps_what_it_said_before() -> None:
    """KubeVirt calls it at each definition of the domain."""
    first = hooked(KUBEVIRT, **{"qslot/spare": "pcie=2"}).stdout
    assert first != KUBEVIRT
    assert hooked(first, **{"qslot/spare": "pcie=2"}).stdout == first


def test_the_hook_changes_nothing_but_addresses_and_controllers() -> None:
    lines = hooked(KUBEVIRT).stdout.splitlines()
    kept = [line for line in KUBEVIRT.splitlines() if "<controller type='" not in line]
    assert [line for line in kept if line not in lines] == []


@pytest.mark.parametrize(
    ("domain", "annotations", "says"),
    [
        ("<domain/>", {}, "qslot: text: domain type ''"),
        (KUBEVIRT, {"qslot/spare": "pcie=many"}, "qslot: text: spare.pcie: 'many' is not a whole number"),
        (KUBEVIRT, {"qslot/spare": "usb=1"}, "usb"),
        (KUBEVIRT, {"qslot/preset": "best"}, "policy.preset"),
        (KUBEVIRT, {"qslot/spare": "pcie=400"}, "infeasible (proved)"),
    ],
)
def test_the_hook_says_why_not(domain: str, annotations: dict[str, str], says: str) -> None:
    done = hooked(domain, **annotations)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("qslot: ")
    assert says in done.stderr


def test_a_server_stays_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    example("planner").main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "boot: pc-q35-6.2 for compute1 and compute2; 3 ports free"
    assert len(lines) == 3
    assert all("moved: none" in line for line in lines[1:])


def test_a_server_that_cannot_be_is_refused_with_the_reason() -> None:
    planner = example("planner")
    server = planner.boot("rhel9.2", [{"id": "port0", "model": "virtio-net"}], ["qemu=7.2"])
    crowd = [qslot.Device(id=f"disk{n}", model="nvme", hotplug="required") for n in range(300)]
    with pytest.raises(qslot.NoLayoutError, match="infeasible"):
        planner.changed(server, crowd)
