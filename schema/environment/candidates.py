"""A request that leaves machine or virtio modes open -> one ordinary request a machine that its environment allows.

A machine is excluded by its OS, its hosts, by needs that only q35 meets, or by what else the request says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args

from pydantic import ValidationError

from ..finding import Finding
from ..layout.layout import Layout
from ..pci.machine_types import Family, family_of
from ..pci.qemu_versions import has_type
from ..request.guest import Guest
from ..request.problems import problems
from .host import meant_by, newest_machine
from .host_cpu import with_cpu_of_hosts
from .target import Environment
from .virtio_modes import OPEN, Choice, ModeChooser

FAMILIES: Final[tuple[Family, ...]] = get_args(Family)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A machine, and the request for it; without one `findings` and `problems` say what excludes it."""

    family: Family
    machine: str
    guest: Guest | None = None
    choices: Mapping[str, Choice] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    """What else the request says that contradicts this machine."""


def candidates(request: Mapping[str, Any], environment: Environment) -> list[Candidate]:
    """q35 first. `request` is a guest as read from a file, before it is checked; without `machine` that is auto."""
    stated = request.get("machine", "auto")
    families = FAMILIES if stated == "auto" else _family(stated)
    return [_Candidate(request, environment, family).resolved() for family in families]


def _family(stated: object) -> tuple[Family, ...]:
    return (family_of(stated)[0],) if isinstance(stated, str) else ("q35",)


def by_qemu(guest: Guest, environment: Environment) -> list[Guest]:
    """The request for each QEMU of the hosts that has its machine type, the newest first; the request itself where it
    says which QEMU it is for, or no host does."""
    if guest.qemu:
        return [guest]
    machine = guest.machine_model
    # a host may list a machine type that its QEMU's version is too old, or too new, for: a vendor's
    fit = [version for version in environment.qemus if has_type(version, machine.family, machine.version)]
    return [guest.on_qemu(version) for version in fit] or [guest]


def answered(request: Mapping[str, Any], environment: Environment, layout: Layout) -> Candidate:
    """The request for the machine, and the QEMU of the hosts, that the layout is planned for."""
    family, _ = family_of(layout.machine)
    known = candidates(request, environment)
    candidate = next((one for one in known if one.family == family), known[0])
    if candidate.guest is None:
        return candidate
    fit = by_qemu(candidate.guest, environment)
    return replace(candidate, guest=next((one for one in fit if one.qemu_version == layout.qemu_version), fit[0]))


@dataclass(slots=True)
class _Candidate:
    request: Mapping[str, Any]
    environment: Environment
    family: Family

    def resolved(self) -> Candidate:
        machine = self.machine()
        excluded = tuple(self.excluded(machine))
        if excluded:
            return Candidate(self.family, machine or self.family, findings=excluded)
        assert machine is not None
        data = self.closed(machine)
        try:
            guest = Guest.model_validate(data)
            stated, data = data, with_cpu_of_hosts(data, guest, self.environment.hosts)
            guest = guest if data == stated else Guest.model_validate(data)
        except ValidationError as error:
            return Candidate(self.family, machine, problems=tuple(map(str, problems(error, data, Guest))))
        return self.with_modes(guest)

    # ---- the machine

    @property
    def stated(self) -> str | None:
        machine = self.request.get("machine", "auto")
        return None if machine == "auto" else str(machine)

    def machine(self) -> str | None:
        """Versioned where hosts tell their versions, as a bare family or another alias is another machine on each of
        them: what they take it for, or else the newest that they have in common."""
        hosts = self.environment.hosts
        if self.stated is not None and (meant := meant_by(self.stated, hosts)) is not None:
            return meant
        if self.stated not in (None, "q35", "pc"):
            return self.stated
        if all(host.qemu is None and host.machines is None for host in hosts):
            return self.family
        return newest_machine(self.family, hosts)

    def excluded(self, machine: str | None) -> Iterator[Finding]:
        os, hosts = self.environment.os, self.environment.hosts
        if machine is None:
            known = "; ".join(host.words for host in hosts)
            yield Finding(rule="host-machine", details={"machine": self.family, "hosts": known})
        else:
            lacking = (host.words for host in hosts if host.has_machine(machine) is False)
            yield from (Finding(rule="host-machine", details={"host": name, "machine": machine}) for name in lacking)
        if self.stated is not None:
            return
        if os is not None and not (os.q35 if self.family == "q35" else os.i440fx):
            yield Finding(rule="os-machine", details={"os": os.id, "machine": self.family})
        if self.family == "pc":
            yield from (Finding(rule="machine-needs", details={"need": need}) for need in self.needs())

    def needs(self) -> Iterator[str]:
        """What only q35 has."""
        needs = self.request.get("needs")
        yield from (need for need in ("secure-boot", "viommu") if isinstance(needs, list | tuple) and need in needs)
        chipset = self.request.get("chipset")
        if isinstance(chipset, Mapping) and chipset.get("sata") is True:
            yield "AHCI (chipset.sata)"
        parts = [one for field in ("devices", "controllers", "spare") for one in _entries(self.request.get(field))]
        if any(part.get("numa") is not None for part in parts):
            yield "a PCI Express expander (numa)"

    # ---- the rest of the request

    def closed(self, machine: str) -> dict[str, Any]:
        """The request for that machine, without the modes that are left to the OS."""
        data = dict(self.request)
        if isinstance(data.get("machine", ""), str):
            data["machine"] = machine
        os, devices = self.environment.os, data.get("devices")
        if os is not None and isinstance(devices, list | tuple):
            data["devices"] = [_without_mode(one) for one in devices]
        if os is not None and not os.firmware.get("bios", True):
            data.setdefault("firmware", "ovmf")
        return data

    def with_modes(self, guest: Guest) -> Candidate:
        stated = {one.get("id"): one for one in _entries(self.request.get("devices"))}
        choices: dict[str, Choice] = {}
        findings: list[Finding] = []
        devices = []
        for device in guest.devices:
            known = ModeChooser(guest, device, stated.get(device.id, {}), self.environment)
            choice = known.choice()
            findings += known.findings(choice)
            if choice is not None:
                choices[device.id] = choice
            devices.append(device if choice is None else known.apply(choice))
        if findings:
            return Candidate(self.family, guest.machine, findings=tuple(findings))
        return Candidate(self.family, guest.machine, guest.model_copy(update={"devices": tuple(devices)}), choices)


def _entries(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _without_mode(entry: Any) -> Any:
    if not isinstance(entry, Mapping) or entry.get("virtio") not in OPEN:
        return entry
    return {name: value for name, value in entry.items() if name != "virtio"}
