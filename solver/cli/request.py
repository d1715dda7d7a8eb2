"""The options that say more of GUEST than its file does."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from qslot.schema.records import record

from .exits import CliError, Exit, message
from .qemu import qemu_version
from .streams import reading

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from qslot.schema import Guest
    from qslot.schema.formats.sources import Source

Option = Callable[[Callable[..., None]], Callable[..., None]]

FILE: Final = click.Path(allow_dash=True)
"""GUEST and LAYOUT, so that shells complete them; whether they are there is told where they are read."""
PRESETS: Final = ("default", "libvirt", "prefer-q35", "legacy-on-i440fx", "strict-modern", "whole-cards")


@record(frozen=True)
class RequestOptions:
    """The options of `request_options`."""

    machine: str | None
    firmware: str | None
    preset: str | None
    machine_as: str | None
    overlays: tuple[Path, ...]
    spare: tuple[str, ...]
    settings: tuple[str, ...]
    host_devices: tuple[Path, ...]
    prune: bool
    qemu: str | None

    def read(self, guest: "Source") -> tuple["Guest", str]:
        """The request, and the text that it was read from."""
        from qslot.schema.formats.files import read_request

        with reading(guest, *self.overlays, *self.host_devices):
            request, text = read_request(guest, *self.overrides(guest), host_devices=self.host_devices or None)
        self._tell_of_this_machine(request.devices)
        return request, text

    def data(self, guest: "Source") -> tuple[dict[str, Any], str]:
        """The same, not yet checked."""
        from qslot.schema.formats.unchecked import read_data

        with reading(guest, *self.overlays, *self.host_devices):
            data, text = read_data(guest, *self.overrides(guest), host_devices=self.host_devices or None)
        self._tell_of_this_machine(data.get("devices"))
        return data, text

    def _tell_of_this_machine(self, devices: object) -> None:
        """Another host's devices may have the same addresses."""
        from qslot.schema.host_devices import as_here

        if not self.host_devices and isinstance(devices, list | tuple) and (names := as_here(devices)):
            message(f"{', '.join(names)}: BARs as this machine has them; --host-devices shows another host's")

    def overrides(self, guest: "Source") -> list[dict[str, Any]]:
        """What they say: files first, then the options, of which `--set` has the last word."""
        from qslot.schema.formats.unchecked import read_overlay

        if [guest, *map(str, self.overlays)].count("-") > 1:
            raise CliError("standard input: can be read once, as GUEST or as --overlay", Exit.INPUT)
        stated: dict[str, Any] = {}
        if self.machine is not None:
            stated["machine"] = self.machine
        if self.firmware is not None:
            stated["firmware"] = self.firmware
        if self.qemu is not None:
            stated["qemu"] = qemu_version(self.qemu, guest)
        if self.preset is not None:
            stated["policy.preset"] = self.preset
        if self.prune:
            stated["policy.prune"] = True
        if self.machine_as is not None:
            stated["machine_as"] = self.machine_as
        if self.spare:
            stated["spare"] = [_spare(text) for text in self.spare]
        return [*map(read_overlay, self.overlays), stated, dict(map(_setting, self.settings))]


def _spare(text: str) -> dict[str, str]:
    """`pcie=6,io=4096,numa=0` as an entry of `spare`."""
    pairs = [part.partition("=") for part in text.split(",")]
    if any(not (name and sign and value) for name, sign, value in pairs):
        raise click.UsageError(
            f"--spare {text}: write KIND=NUMBER, and behind it io=, memory= or numa=: pcie=6,io=4096"
        )
    (kind, _, count), *more = pairs
    fields = {name: value for name, _, value in more}
    wrong = next((name for name, _, _ in more if name not in ("io", "memory", "numa")), None)
    if wrong in ("pcie", "pci"):
        raise click.UsageError(
            f"--spare {text}: each kind takes an option of its own, as io, memory and numa belong to one"
        )
    if wrong is not None or len(fields) < len(more):
        raise click.UsageError(f"--spare {text}: behind the number come io=, memory= and numa=, each once at most")
    return {"kind": kind, "count": count, **fields}


def _setting(text: str) -> tuple[str, object]:
    """`devices.net0.hotplug=required` as a path and what is to stand there: text, which the field's type reads, or a
    list or mapping as YAML."""
    path, sign, value = text.partition("=")
    if not (path and sign):
        raise click.UsageError(f"--set {text}: write FIELD=VALUE, as in devices.net0.hotplug=required")
    if value == "null":
        return path, None
    return path, read_yaml(value, f"--set {path}") if value.startswith(("[", "{")) else value


def read_yaml(text: str, name: str) -> object:
    """What the text holds. Raises CliError, which names it by `name`."""
    from qslot.schema.formats.plain_data import TextError, parse

    try:
        return parse(text, "yaml")
    except TextError as error:
        raise CliError(f"{name}: {error}", Exit.INPUT) from None


REQUEST_OPTIONS: tuple[Option, ...] = (
    click.option("--machine", metavar="M", help="The machine type, in place of GUEST's: q35, pc, pc-q35-8.2."),
    click.option("--firmware", metavar="F", help="seabios or ovmf, or with a version: ovmf:2025.02. Default: GUEST's."),
    click.option(
        "--qemu",
        metavar="VERSION|BIN",
        help="The QEMU that runs GUEST: 10.0, or a program to ask; `emulator` asks the one that domain XML names.",
    ),
    click.option("--preset", type=click.Choice(PRESETS), help="Where devices go by themselves, which machine: README."),
    click.option(
        "--machine-as",
        metavar="M",
        help="The machine type whose version GUEST's stands for, where its name does not say it: pc-q35-8.2.",
    ),
    click.option("--prune", is_flag=True, help="Beside --previous: controllers in which nothing stays may go."),
    click.option(
        "--spare",
        multiple=True,
        metavar="KIND=N",
        help="Free slots, in place of GUEST's: pcie=6, or with what each is to hold: pcie=6,io=4096,numa=0.",
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Any field of GUEST: devices.net0.hotplug=required, controllers.pci.1.numa=0, policy.max_depth=2; "
        "null takes it away.",
    ),
    click.option(
        "--host-devices",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="DIR|FILE",
        help="Devices of the host: /sys/bus/pci/devices or a copy, the text of `lspci -vvv -nn` or of `virsh "
        "nodedev-dumpxml`. Default: this machine's.",
    ),
    click.option(
        "--overlay",
        "overlays",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="More of GUEST, as YAML, JSON or TOML: devices and controllers are merged by id.",
    ),
)


def taken_out(given: dict[str, Any], options: type["DataclassInstance"]) -> dict[str, Any]:
    """Of what click hands on, what has the name of a field of these options; the rest stays."""
    return {one.name: given.pop(one.name) for one in fields(options)}


def request_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that reads GUEST, handed on as `request`."""

    @wraps(command)
    def collected(**given: Any) -> None:
        request = RequestOptions(**taken_out(given, RequestOptions))
        command(request=request, **given)

    decorated: Callable[..., None] = collected
    for option in reversed(REQUEST_OPTIONS):
        decorated = option(decorated)
    return decorated
