"""The guest's firmware, as a request states it and a layout names it."""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from ..base import Frozen
from ..pci.qemu_versions import MEASURED, version_number

FirmwareName = Literal["seabios", "ovmf"]

_VERSION = r"^\d+(\.\d+)*$"
_VersionText = Annotated[str, Field(pattern=r"^(\d+(\.\d+)*)?$", examples=["1.16.2", "2023.08"])]

RELEASES: Final[dict[FirmwareName, tuple[str, str]]] = {
    "seabios": (r"[01]\.\d{1,2}(\.\d{1,2})?", "SeaBIOS's are like 1.16.2"),
    "ovmf": (r"20\d\d(\.0?[1-9]|\.1[0-2]|0[1-9]|1[0-2])(\.\d{1,2})?", "edk2's are year and month, like 2025.02"),
}
"""How each firmware numbers its releases: SeaBIOS's tags rel-X.Y.Z, edk2's stable tags edk2-stableYYYYMM."""


def _version(value: object) -> object:
    return f"{value:.2f}" if isinstance(value, float) else str(value) if isinstance(value, int) else value


class Firmware(Frozen):
    """The guest's firmware. A text can stand for it: the name alone, where the version of the QEMU that runs the guest
    will do, or with a version behind a colon: `firmware: ovmf`, `firmware: "ovmf:2025.02"`."""

    name: FirmwareName = Field(default="seabios", examples=["ovmf"])
    """`seabios`, or `ovmf`, which is edk2."""
    version: Annotated[
        str,
        Field(pattern=_VERSION),
        BeforeValidator(_version, json_schema_input_type=_VersionText | int | float | None),
    ] = Field(default="", examples=["2023.08"])
    """Numbers and dots, as in `1.16.2`; of edk2 year and month, also written as `202308`. Without it, and where it is
    empty, it is the one that the QEMU that runs the guest came with."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        data = value
        if isinstance(value, str):
            name, colon, version = value.partition(":")
            if colon and not version:
                raise ValueError(f"{value!r} has no version behind the colon: leave it out, or write {name}:2025.02")
            data = {"name": name, "version": version}
        if isinstance(data, dict) and not data.get("version"):
            data = {name: value for name, value in data.items() if name != "version"}
        return data

    @model_validator(mode="after")
    def _release(self) -> Self:
        if not self.version:
            self.__dict__["version"] = MEASURED[-1].firmware(self.name)
        pattern, words = RELEASES[self.name]
        if not re.fullmatch(pattern, self.version):
            raise ValueError(f"version {self.version[:40]!r} is none of {self.name}: {words}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = handler(core)
        text = {"type": "string", "pattern": rf"^({'|'.join(RELEASES)})(:\d+(\.\d+)*)?$"}
        return {"anyOf": [text, fields]} if handler.mode == "validation" else fields

    @property
    def stated(self) -> bool:
        """Whether the version is the request's, and not that of the QEMU that runs the guest."""
        return "version" in self.model_fields_set

    def of_version(self, version: str) -> Self:
        """The same firmware in a version that the request does not state."""
        return type(self).model_construct({"name"}, name=self.name, version=version)

    @property
    def number(self) -> tuple[int, ...]:
        """The version as integers: edk2's stable tags count as year and month (202311 is 2023.11)."""
        parts = version_number(self.version)
        return (parts[0] // 100, parts[0] % 100, *parts[1:]) if parts[0] > 9999 else parts
