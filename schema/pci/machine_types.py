"""What a machine type's name says: which machine it is, and of which upstream version.

Distributions add types of their own to QEMU's, made from one of upstream's: `vendor_machines.json` says which. Nothing
is read before a vendor's name is asked for.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final, Literal

from ..packaged import packaged_json
from ..records import record

Family = Literal["q35", "pc"]
Version = tuple[int, int]

NAME_PATTERN: Final = r"^((ubuntu|ubuntu-q35|q35|pc)(\+pve\d+)?|pc-[A-Za-z0-9][A-Za-z0-9.+_-]*|rhel\d+\.\d+\.\d+)$"
"""Names of x86 machines with PCI, those included whose version nobody here knows."""

_Q35: Final = re.compile(r"(ubuntu-)?q35|pc-q35-")
_BARE: Final = re.compile(r"(?P<ubuntu>ubuntu)?-?(q35|pc)?(?P<pve>\+pve\d+)?")
_REST: Final = re.compile(r"(pc-)?((q35|i440fx)-)?(?P<rest>.*)")
_UPSTREAM: Final = re.compile(r"(?P<version>\d+\.\d+)(\.\d+)?(?P<pve>\+pve\d+)?(?P<pxe>\.pxe)?")
_SUFFIXES: Final = re.compile(r"(?P<base>.*?)(?P<suffixes>(-(hpb|maxcpus|v\d+))*)")

OLDEST_MEASURED: Final[Mapping[Family, Version]] = {"q35": (2, 4), "pc": (1, 4)}
"""The oldest machine types whose devices were looked at (QEMU 7.2 has none that is older)."""

I440FX_SINCE: Final = (1, 4)
"""Before, QEMU's names do not say the chipset: pc-1.3."""


@record(frozen=True)
class MachineType:
    """What a name says. `vendor` is None for upstream's own."""

    name: str
    family: Family
    version: Version | None
    """Upstream's; None is its newest, of a bare family or alias, and of a name that nobody here knows."""
    vendor: str | None = None
    known: bool = True
    """Whether the version is that of the name; without it a request has to say which one it stands for."""
    doubts: tuple[str, ...] = ()
    """Why devices may be others than with that upstream version: clauses to put behind "as"."""
    host_phys_bits: bool = False
    """Whether CPUs have the host's physical address bits unless the domain says otherwise."""

    @property
    def upstream(self) -> str:
        """The upstream name that it stands for."""
        if self.version is None:
            return self.family
        chip = "q35-" if self.family == "q35" else "i440fx-" if self.version >= I440FX_SINCE else ""
        return f"pc-{chip}{self.version[0]}.{self.version[1]}"

    @property
    def measured(self) -> bool:
        """Whether it is not older than what was looked at."""
        return self.version is None or self.version >= OLDEST_MEASURED[self.family]


@cache
def machine_type(name: str) -> MachineType | None:
    """What a name says; None where it is no name of a q35 or i440fx machine.

    >>> machine_type("pc-q35-rhel9.4.0").version, machine_type("pc-i440fx-8.1+pve0").upstream
    ((8, 2), 'pc-i440fx-8.1')
    """
    if not re.fullmatch(NAME_PATTERN, name):
        return None
    family: Family = "q35" if _Q35.match(name) else "pc"
    bare = _BARE.fullmatch(name)
    if bare is not None:
        return MachineType(name, family, None, "Ubuntu" if bare["ubuntu"] else "Proxmox" if bare["pve"] else None)
    match = _REST.fullmatch(name)
    assert match is not None
    upstream = _UPSTREAM.fullmatch(match["rest"])
    found = _of_vendor(name, family, match["rest"]) if upstream is None else _of_version(name, family, upstream)
    oldest = ".".join(map(str, OLDEST_MEASURED[family]))
    return found if found.measured else replace(found, doubts=(*found.doubts, f"none before {oldest} was looked at"))


def family_of(name: str) -> tuple[Family, Version | None]:
    """Family and upstream version of a name; a machine pc of the newest version where it is no such name.

    >>> family_of("pc-i440fx-2.12"), family_of("q35")
    (('pc', (2, 12)), ('q35', None))
    """
    known = machine_type(name)
    return ("pc", None) if known is None else (known.family, known.version)


def lists_upstream_names(vendor: str | None) -> bool:
    """Whether hosts of that vendor have upstream's machine types beside its own."""
    return vendor is None or bool(_vendors()[vendor]["upstream_names"])


def _of_version(name: str, family: Family, match: re.Match[str]) -> MachineType:
    vendor = "Proxmox" if match["pve"] or match["pxe"] else None
    doubts = ("the option ROMs of its network cards are for PXE alone",) if match["pxe"] else ()
    return MachineType(name, family, _version(match["version"]), vendor, doubts=doubts)


def _of_vendor(name: str, family: Family, rest: str) -> MachineType:
    match = _SUFFIXES.fullmatch(rest)
    assert match is not None
    row, suffixes = _names().get(match["base"]), match["suffixes"]
    if row is None or (suffixes and row["vendor"] != "Ubuntu"):
        return MachineType(name, family, None, known=False)
    vendor = _vendors()[row["vendor"]]
    guessed = () if row["certain"] else (f"which version {row['vendor']} made it from was not read in its source",)
    return MachineType(
        name,
        family,
        _version(row["upstream"]),
        row["vendor"],
        doubts=(*guessed, *filter(None, (vendor["differs"],))),
        host_phys_bits=vendor["host_phys_bits"] or "-hpb" in suffixes,
    )


def _version(text: str) -> Version:
    major, minor = map(int, text.split("."))
    return major, minor


@cache
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = packaged_json(__file__, "vendor_machines.json")
    return data


def _vendors() -> Mapping[str, Mapping[str, Any]]:
    vendors: Mapping[str, Mapping[str, Any]] = _data()["vendors"]
    return vendors


@cache
def _names() -> Mapping[str, Mapping[str, Any]]:
    return {row["name"]: row for row in _data()["names"]}
