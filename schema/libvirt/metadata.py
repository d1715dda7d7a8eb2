"""What a domain says of who runs it: its operating system, as virt-manager and virt-install write it, and its QEMU."""

from typing import Final

from .splice import parse

LIBOSINFO: Final = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}"


def operating_system(data: bytes) -> str | None:
    """osinfo-db's id of it (http://microsoft.com/win/11), of the first that is named; None where none is. Raises
    SourceError for what is no XML."""
    return parse(data).value("metadata", f"{LIBOSINFO}libosinfo", f"{LIBOSINFO}os", name="id") or None


def emulator(data: bytes) -> str | None:
    """The program that runs the domain; None where it leaves that to libvirt. Raises SourceError for what is no XML."""
    found = parse(data).first("devices", "emulator")
    return None if found is None else found.text or None
