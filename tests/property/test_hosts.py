"""Random sets of hosts: whatever is chosen, every one of them is known to have. Judged by what was drawn, not by the
reader of capabilities or its tables."""

from dataclasses import dataclass
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from qslot.schema import Infeasible, Layout
from qslot.schema.environment.advice import Advice
from qslot.schema.environment.host import Host, host_of_versions
from qslot.schema.environment.osinfo import find_os
from qslot.schema.environment.target import Environment
from qslot.schema.layout.layout import PlacedDevice
from qslot.schema.libvirt.capabilities import host_of_capabilities
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

    def lacks(self, model: str) -> bool:
        listed = dict(self.lists).get(LISTED.get(model, ""))
        return listed == () or NEW.get(model, (0, 0)) > self.qemu

    def has_type(self, model: str, mode: str) -> bool:
        """Whether it is certain that a device type says that mode."""
        listed = dict(self.lists).get(LISTED.get(model, ""))
        if listed is not None:
            return f"virtio-{'non-' if mode == 'modern' else ''}transitional" in listed
        told = any({*values} >= {*MODES} for _, values in self.lists)
        managed = {"versions": self.libvirt is None or self.libvirt >= (5, 2), "capabilities": False}
        return self.qemu >= (4, 0) and managed.get(self.kind, told)

    @property
    def has_switches(self) -> bool:
        return self.kind == "versions" and (self.libvirt is None or self.libvirt >= (8, 2))

    def knows(self, device: PlacedDevice) -> bool:
        """Whether it certainly starts such a device in that mode, as far as it was told of."""
        if self.lacks(device.model):
            return False
        if device.driver.endswith("-transitional"):
            return self.has_type(device.model, str(device.virtio))
        return self.has_switches or not ("disable-legacy" in device.properties and device.model in TOLD)


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
    """Both machines, each for a reason. Whichever host is named, with a device, does lack what is said of it."""
    assert len(advice.excluded) == 2
    for one in advice.excluded:
        assert one.findings, one
        for finding in (finding for finding in one.findings if finding.rule == "host-model"):
            (device,) = finding.subjects
            model, modes = str(finding.details["model"]), str(finding.details.get("mode", ""))
            assert device
            # hosts that are told of in the same words are alike
            named = [drawn for drawn, host in zip(hosts, known, strict=True) if host.words == finding.details["host"]]
            assert named, finding
            if not modes:
                assert all(host.lacks(model) for host in named), finding
            for mode in filter(None, modes.split(", ")):
                lacks = str(finding.details["lacks"])
                assert not ("type" in lacks and any(host.has_type(model, mode) for host in named)), finding
                assert not ("property" in lacks and any(host.has_switches for host in named)), finding
