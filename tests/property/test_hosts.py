"""Random sets of hosts: whatever is chosen, every one of them is known to have. Judged by what was drawn, not by the
reader of capabilities or its tables."""

from dataclasses import dataclass
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st
from qslot.schema import Infeasible, Layout
from qslot.schema.advice import Advice
from qslot.schema.environment import Environment
from qslot.schema.host import Host, host_of_versions
from qslot.schema.layout import PlacedDevice
from qslot.schema.libvirt.capabilities import host_of_capabilities
from qslot.schema.osinfo import find_os
from qslot.solver import Options, advise

QEMUS = ((2, 4), (2, 6), (2, 12), (3, 1), (4, 0), (4, 2), (5, 2), (6, 2), (7, 2))
LIBVIRTS = ((4, 0), (5, 1), (5, 2), (8, 1), (8, 2), (9, 0))
MODES = ("virtio", "virtio-transitional", "virtio-non-transitional")
OSES = ("rhel6.10", "rhel7.9", "rhel9.0", "win10", "win11", "freebsd8.0", "cirros0.4.0", None)
TOLD = ("virtio-net", "virtio-blk", "virtio-rng", "virtio-scsi", "vhost-vsock")
"""Models that are told their mode."""
MODELS = (*TOLD, "vhost-user-fs", "virtio-gpu", "e1000")
NEW = {"vhost-user-fs": (4, 2), "vhost-vsock": (2, 8)}
LISTED = {"virtio-blk": "disk", "virtio-rng": "rng"}


@dataclass(frozen=True)
class Drawn:
    """A host as it is. `kind` is how it is told of; `lists` are the models of `disk` and `rng`, where they are told."""

    kind: str
    qemu: tuple[int, int]
    libvirt: tuple[int, int] | None
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def read(self, name: str) -> Host:
        version = ".".join(map(str, self.qemu))
        if self.kind == "versions":
            libvirt = f",libvirt={'.'.join(map(str, self.libvirt))}" if self.libvirt else ""
            return host_of_versions(f"qemu={version}{libvirt}")
        if self.kind == "capabilities":
            machines = "".join(f"<machine>{machine}</machine>" for machine in sorted(self.machines))
            text = f"<capabilities><guest><arch name='x86_64'>{machines}</arch></guest></capabilities>"
            return host_of_capabilities(text.encode(), name)
        devices = "".join(
            f"<{element} supported='{'yes' if values else 'no'}'><enum name='model'>"
            + "".join(f"<value>{value}</value>" for value in values)
            + f"</enum></{element}>"
            for element, values in self.lists
        )
        machine = f"<machine>pc-q35-{version}</machine><arch>x86_64</arch><devices>{devices}</devices>"
        return host_of_capabilities(f"<domainCapabilities>{machine}</domainCapabilities>".encode(), name)

    @property
    def machines(self) -> set[str]:
        """All that a QEMU of that version has."""
        return {f"pc-{chip}-{a}.{b}" for chip in ("q35", "i440fx") for a, b in QEMUS if (a, b) <= self.qemu}

    def knows(self, device: PlacedDevice) -> bool:
        """Whether it certainly starts such a device, as far as it was told of."""
        listed = dict(self.lists).get(LISTED.get(device.model, ""))
        if listed == () or NEW.get(device.model, (0, 0)) > self.qemu:
            return False
        if device.driver.endswith("-transitional"):
            wanted = "virtio-non-transitional" if device.driver.endswith("-non-transitional") else "virtio-transitional"
            if listed is not None:
                return wanted in listed
            told = any({*values} >= {*MODES} for _, values in self.lists)
            managed = {"versions": self.libvirt is None or self.libvirt >= (5, 2), "capabilities": False}
            return self.qemu >= (4, 0) and managed.get(self.kind, told)
        if "disable-legacy" in device.properties and device.model in TOLD:
            return self.kind == "versions" and (self.libvirt is None or self.libvirt >= (8, 2))
        return True


@st.composite
def drawn_hosts(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(("versions", "versions", "domain", "domain", "capabilities")))
    qemu = draw(st.sampled_from(QEMUS))
    if kind == "versions":
        return Drawn(kind, qemu, draw(st.none() | st.sampled_from(LIBVIRTS)))
    if kind == "capabilities":
        return Drawn(kind, qemu, None)
    # older QEMU has no types for a mode, so none are listed
    choices = [("virtio",), MODES, ()] if qemu >= (4, 0) else [("virtio",), ()]
    lists = [(element, draw(st.sampled_from(choices))) for element in ("disk", "rng") if draw(st.booleans())]
    return Drawn(kind, qemu, None, tuple(lists))


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    devices = []
    for number in range(draw(st.integers(1, 4))):
        device: dict[str, Any] = {"id": f"d{number}", "model": draw(st.sampled_from(MODELS))}
        if device["model"] in ("virtio-net", "virtio-scsi") and draw(st.integers(0, 3)) == 0:
            device["virtio"] = draw(st.sampled_from(("transitional", "modern", "auto")))
        devices.append(device)
    preset = draw(st.sampled_from(("default", "prefer-q35", "legacy-on-i440fx", "strict-modern")))
    return {"devices": devices, "policy": {"preset": preset}}


@given(requests(), st.lists(drawn_hosts(), min_size=1, max_size=4, unique=True), st.sampled_from(OSES))
def test_what_is_chosen_every_host_knows(request: dict[str, Any], hosts: list[Drawn], os: str | None) -> None:
    known = tuple(host.read(f"h{number}.xml") for number, host in enumerate(hosts))
    environment = Environment(os=None if os is None else find_os(os), hosts=known)
    advice = advise(request, environment, Options(time_limit=5))
    outcome = advice.outcome
    if isinstance(outcome, Infeasible):
        event("no machine")
        _excluded(advice, hosts, known)
        return
    assert outcome.layout is not None
    event("a layout")
    _known_to_all(outcome.layout, hosts)


def _known_to_all(layout: Layout, hosts: list[Drawn]) -> None:
    for host in hosts:
        assert layout.machine in host.machines, host
        for device in layout.devices:
            assert host.knows(device), (host, device)


def _excluded(advice: Advice, hosts: list[Drawn], known: tuple[Host, ...]) -> None:
    """Each machine for a reason; hosts that are named do lack what is said, and devices are named with them."""
    assert [one.machine.removeprefix("pc-")[:1] for one in advice.excluded] == ["q", "i"] or all(
        one.findings for one in advice.excluded
    )
    for one in advice.excluded:
        for finding in one.findings:
            if finding.rule != "host-model":
                continue
            assert len(finding.subjects) == 1
            host = hosts[[other.words for other in known].index(str(finding.numbers["host"]))]
            model = str(finding.numbers["model"])
            new, listed = NEW.get(model, (0, 0)), dict(host.lists).get(LISTED.get(model, ""))
            lacks_model, lacks_mode = new > host.qemu or listed == (), "mode" in finding.numbers
            assert lacks_model or lacks_mode, (finding, host)
