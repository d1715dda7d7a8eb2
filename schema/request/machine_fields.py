"""The fields of a request that say what runs the guest: its machine type, its QEMU, its firmware.

What of QEMU and firmware a request leaves open is assumed, and not stated by that: neither a dump nor the hash of the
request says it, and a layout that was made for others answers the request as well.
"""

from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, field_serializer, model_validator

from ..base import Frozen
from ..pci.machine_types import NAME_PATTERN, family_of
from ..pci.qemu_versions import QEMU_VERSION, Version, assumed_qemu, default_firmware, version_number, version_text
from .firmware import Firmware, FirmwareName

HASHED_VERSIONS: Final[dict[FirmwareName, str]] = {"seabios": "1.16.2", "ovmf": "2022.11"}
"""What hash version 2 has for a firmware whose version the request leaves open."""


def _qemu_version(value: object) -> object:
    return f"{value:.1f}" if isinstance(value, float) else "" if value is None else value


class MachineFields(Frozen):
    """Which machine type, which QEMU and which firmware run the guest."""

    machine: str = Field(pattern=NAME_PATTERN, examples=["q35", "pc-q35-7.2", "pc-i440fx-7.2"])
    """QEMU's machine type: `q35`, `pc`, or a versioned name of theirs, those of Red Hat, Ubuntu and Proxmox included
    (`pc-q35-rhel9.4.0`, `pc-i440fx-jammy`, `pc-q35-8.1+pve0`); a bare family is its newest version. `auto`, or nothing,
    needs `--os` or `--host`, and takes the one that serves the guest best."""
    machine_as: str | None = Field(default=None, pattern=NAME_PATTERN, examples=["pc-q35-8.2"])
    """The machine type whose version `machine` stands for, where its name does not say it: a distribution's that qslot
    does not know, or knows wrongly. The name stays; versions of QEMU differ in devices, hot-plug and addresses."""
    qemu: Annotated[
        str,
        Field(pattern=rf"^({QEMU_VERSION})?$"),
        BeforeValidator(_qemu_version, json_schema_input_type=str | float | None),
    ] = Field(default="", examples=["10.0"])
    """The version of the QEMU that runs the guest. A machine type says only that it is at least that new, and the same
    guest has other addresses on another QEMU, whose firmware is another. Without it, it is the newest that was measured
    with a firmware of the version stated; where none is, the newest measured one that has the machine type."""
    firmware: Firmware = Field(default=Firmware.model_validate("seabios"), examples=["ovmf"])
    """The firmware that programs the layout: its room for IO ports and memory is what the plan must fit in."""

    @model_validator(mode="after")
    def _version_of_firmware(self) -> Self:
        """The firmware's version where the request leaves it open; it is not stated by that."""
        if not self.qemu:
            self.model_fields_set.discard("qemu")
        if not self.firmware.stated:
            version = default_firmware(self.firmware.name, self.qemu_version)
            self.__dict__["firmware"] = self.firmware.of_version(version)
        return self

    @field_serializer("firmware", mode="wrap")
    def _stated_firmware(self, value: Firmware, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(value)
        return fields if value.stated else {name: one for name, one in fields.items() if name != "version"}

    @property
    def qemu_version(self) -> Version:
        """The version of the QEMU that runs the guest, stated or assumed, as integers."""
        if self.qemu:
            return version_number(self.qemu)
        family, version = family_of(self.machine_as or self.machine)
        return assumed_qemu(
            family, version, (self.firmware.name, self.firmware.number) if self.firmware.stated else None
        )

    @property
    def states_qemu(self) -> bool:
        """Whether the request says which QEMU runs the guest."""
        return "qemu" in self.model_fields_set

    @property
    def stated_versions(self) -> dict[str, Any]:
        """Of QEMU and firmware, what the request's hash has."""
        name, version = self.firmware.name, self.firmware.version
        first = not self.firmware.stated or version == HASHED_VERSIONS[name]
        firmware = {"name": name, "version": HASHED_VERSIONS[name] if first else version}
        if name == "seabios":  # the default, which is left out
            firmware = {} if first else {"version": version}
        stated = {"firmware": firmware, "qemu": self.qemu if self.states_qemu else ""}
        return {field: value for field, value in stated.items() if value}

    def on_qemu(self, version: Version) -> Self:
        """The same request, which says that a QEMU of that version runs it."""
        firmware = self.firmware
        if not firmware.stated:
            firmware = firmware.of_version(default_firmware(firmware.name, version))
        return self.model_copy(update={"qemu": version_text(version), "firmware": firmware})

    def run_by(self, qemu: str, firmware: Firmware) -> Self:
        """The same request; what it leaves open of the two is as it is there."""
        update: dict[str, Any] = {}
        if not self.states_qemu:
            update["qemu"] = qemu
            if not self.firmware.stated and firmware.name == self.firmware.name:
                update["firmware"] = firmware.of_version(firmware.version)
        if all(getattr(self, name) == value for name, value in update.items()):
            return self
        copy = self.model_copy(update=update)
        copy.model_fields_set.difference_update(update.keys() - self.model_fields_set)
        return copy
