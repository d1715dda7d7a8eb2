"""The options that say what a guest is planned for: its operating system, and its hosts."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import CliError, Exit

if TYPE_CHECKING:
    from qslot.schema.environment.target import Environment

Option = Callable[[Callable[..., None]], Callable[..., None]]

ENVIRONMENT_OPTIONS: tuple[Option, ...] = (
    click.option("--os", "os", metavar="SHORT-ID", help="The guest's OS by its short id in osinfo-db: rhel6.10."),
    click.option(
        "--host",
        "hosts",
        multiple=True,
        metavar="HOST",
        help="A host it runs on or may migrate to: libvirt's (domain) capabilities, or qemu=6.2,libvirt=8.0.",
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
        help="Another osinfo-db than the table that qslot has.",
    ),
)


def environment_of(os: str | None, hosts: tuple[str, ...], drivers: str, folder: Path | None) -> "Environment | None":
    """None where nothing is said of it. Raises CliError, InputError."""
    if os is None and (folder is not None or drivers != "inbox"):
        raise click.UsageError("--drivers and --osinfo-dir go with --os")
    if os is None and not hosts:
        return None
    from qslot.schema.environment.osinfo import OsinfoError, UnknownOs, find_os
    from qslot.schema.environment.target import Environment
    from qslot.schema.formats.files import read_host

    try:
        known = None if os is None else find_os(os, folder)
    except (OsinfoError, UnknownOs) as error:
        raise CliError(f"{'--os' if isinstance(error, UnknownOs) else '--osinfo-dir'}: {error}", Exit.INPUT) from None
    return Environment.model_validate({"os": known, "hosts": tuple(map(read_host, hosts)), "drivers": drivers})
