"""The options that say what a guest is planned for: its operating system, and its hosts."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qslot.schema.records import record

from .completion import SYSTEMS
from .exits import CliError, Exit, message
from .request import Option, taken_out
from .streams import reading

if TYPE_CHECKING:
    from qslot.schema.environment.host import Host
    from qslot.schema.environment.osinfo import GuestOs
    from qslot.schema.environment.target import Environment

ENVIRONMENT_OPTIONS: tuple[Option, ...] = (
    click.option(
        "--os",
        "os",
        metavar="SHORT-ID",
        shell_complete=SYSTEMS,
        help="The guest's OS by its short id in osinfo-db: rhel6.10. Without it, as a domain's metadata says.",
    ),
    click.option(
        "--host",
        "hosts",
        multiple=True,
        metavar="HOST",
        help="A host it runs on or may migrate to: libvirt's (domain) capabilities, its /proc/cpuinfo, or "
        "qemu=6.2,libvirt=8.0,phys_bits=46,vendor=intel.",
    ),
    click.option(
        "--all-hosts", is_flag=True, help="A host with each QEMU that qslot knows and that has the machine type."
    ),
    click.option(
        "--drivers",
        type=click.Choice(["inbox", "packages"]),
        default="inbox",
        show_default=True,
        help="Which of the OS's virtio drivers count.",
    ),
    click.option(
        "--osinfo-dir",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Another osinfo-db than the newest of qslot's own table and the installed one.",
    ),
)


def environment_options(command: Callable[..., None]) -> Callable[..., None]:
    """These options, handed on as `environment`."""

    @wraps(command)
    def collected(**given: Any) -> None:
        command(environment=EnvironmentOptions(**taken_out(given, EnvironmentOptions)), **given)

    decorated: Callable[..., None] = collected
    for option in reversed(ENVIRONMENT_OPTIONS):
        decorated = option(decorated)
    return decorated


@record(frozen=True)
class EnvironmentOptions:
    """The options of ENVIRONMENT_OPTIONS."""

    os: str | None
    hosts: tuple[str, ...]
    all_hosts: bool
    drivers: str
    osinfo_dir: Path | None

    @property
    def given(self) -> bool:
        """Whether any of them is."""
        return self.os is not None or bool(self.hosts) or self.all_hosts or self._about_os

    @property
    def _about_os(self) -> bool:
        return self.osinfo_dir is not None or self.drivers != "inbox"

    def of(self, text: str, machine: object) -> "Environment":
        """What they say, and the OS that the metadata of a domain names where they name none. `text` is the guest's,
        `machine` what it says of its machine type.

        Raises CliError, InputError, UsageError.
        """
        from qslot.schema.environment.osinfo import own_source
        from qslot.schema.environment.target import Environment
        from qslot.schema.formats.hosts import read_host

        known = self._named() if self.os is not None else self._of_domain(text)
        if known is not None and known.source != own_source():
            message(f"{known.id}: as in {known.source}")
        if known is None and self._about_os:
            raise click.UsageError("--drivers and --osinfo-dir go with --os, or a domain whose metadata names its OS")
        with reading(*self.hosts):
            hosts = tuple(map(read_host, self.hosts))
        if self.all_hosts:
            hosts += _all_hosts(machine)
        return Environment.model_validate({"os": known, "hosts": hosts, "drivers": self.drivers})

    def _named(self) -> "GuestOs":
        from qslot.schema.environment.osinfo import OsinfoError, UnknownOs, find_os

        try:
            return find_os(str(self.os), self.osinfo_dir)
        except (OsinfoError, UnknownOs) as error:
            option = "--os" if isinstance(error, UnknownOs) else "--osinfo-dir"
            raise CliError(f"{option}: {error}", Exit.INPUT) from None

    def _of_domain(self, text: str) -> "GuestOs | None":
        """None, with a word about it, where the metadata names one that osinfo-db does not know."""
        from qslot.schema.environment.osinfo import OsinfoError, UnknownOs, find_os
        from qslot.schema.formats.sources import is_xml_text
        from qslot.schema.libvirt import operating_system

        name = operating_system(text.encode()) if is_xml_text(text) else None
        if name is None:
            return None
        try:
            known = find_os(name, self.osinfo_dir)
        except OsinfoError as error:
            raise CliError(f"--osinfo-dir: {error}", Exit.INPUT) from None
        except UnknownOs as unknown:
            message(f"warning: metadata: {unknown}: planned for any OS, unless --os names one")
            return None
        message(f"planned for {known.id}, which the domain's metadata names")
        return known


def _all_hosts(machine: object) -> "tuple[Host, ...]":
    """One of each measured QEMU, but for those that are known to lack the machine type."""
    from qslot.schema.environment.host import host_of_versions
    from qslot.schema.pci.qemu_versions import MEASURED, version_text

    hosts = [host_of_versions(f"qemu={version_text(one.version)}") for one in MEASURED]
    lacking = [one for one in hosts if isinstance(machine, str) and one.has_machine(machine) is False]
    if lacking:
        message(f"left out, for want of machine {machine}: {', '.join(one.name for one in lacking)}")
    return tuple(one for one in hosts if one not in lacking)
