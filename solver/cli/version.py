"""`qslot --version`: what a report of a fault needs to say."""

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from .request import Option

PACKAGES: Final = {"qslot": "qslot", "ortools": "OR-Tools", "pydantic": "pydantic", "qemu.qmp": "qemu.qmp"}


def _tell(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo("\n".join(_lines()))
    ctx.exit()


def _lines() -> list[str]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    lines = []
    for package, name in PACKAGES.items():
        try:
            lines.append(f"{name} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{name}: not installed")
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return [*lines, f"Python {platform.python_version()} on {system}", _qemu()]


def _qemu() -> str:
    import shutil

    from qslot.schema.probe.enumeration import QEMU
    from qslot.schema.qemu.errors import MissingError, ProbeError
    from qslot.schema.qemu.version import version_of_binary

    try:
        return f"QEMU {version_of_binary(QEMU)} ({shutil.which(QEMU)})"
    except (MissingError, ProbeError) as error:
        return f"QEMU: {error}"


version_option: "Option" = click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell,
    help="Show the versions of qslot, OR-Tools, Python and QEMU, and exit.",
)
