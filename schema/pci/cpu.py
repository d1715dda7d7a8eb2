"""The guest's CPU, as far as QEMU and the firmware share out addresses by it: vendor, address bits, long mode.

`cpu_models.json` says what each of QEMU's models is.
"""

from functools import cache
from typing import Any, Final, Literal, NamedTuple, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from ..base import Frozen
from ..packaged import packaged_json

Vendor = Literal["amd", "intel", "other"]

DEFAULT_MODEL: Final = "qemu64"
"""QEMU's own choice where nobody says another."""
DEFAULT_PHYS_BITS: Final = 40
"""Physical address bits of every 64-bit model of QEMU, unless they are stated."""
MOST_PHYS_BITS: Final = 52
"""Of any CPU that QEMU makes."""
PHYS_BITS_WITHOUT_LONG_MODE: Final = 36
"""Those of a 64-bit model whose long mode is off."""
WITHOUT_PSE36: Final = frozenset({"coreduo", "n270", "qemu32"})
"""32-bit models that have their 36 address bits only from QEMU 8.2 on, and 32 before (measured: QEMU 7.2)."""

VENDORS: Final[dict[str, Vendor]] = {"AuthenticAMD": "amd", "AMD": "amd", "GenuineIntel": "intel", "Intel": "intel"}
"""By the ids that CPUID has, and by libvirt's names."""


def vendor_named(name: str) -> Vendor:
    """The vendor of that id, or that libvirt calls so."""
    return VENDORS.get(name, "other")


class CpuModel(NamedTuple):
    """What one of QEMU's models is, unless its properties say otherwise."""

    vendor: Vendor
    long_mode: bool
    phys_bits: int
    large_pages: bool
    """Whether it has 1 GiB pages: the flag pdpe1gb."""


@cache
def cpu_models() -> dict[str, CpuModel]:
    """QEMU's models by name, the names of versions (`EPYC-v1`) included."""
    data = packaged_json(__file__, "cpu_models.json")
    return {
        name: CpuModel(row["vendor"], row["long_mode"], row["phys_bits"], row["large_pages"])
        for row in data["models"]
        for name in row["names"]
    }


class Cpu(Frozen):
    """The guest's CPU. A text can stand for it: QEMU's name of a model, as in `cpu: EPYC`, or `cpu: host`."""

    model: str | None = Field(default=None, max_length=64, examples=["EPYC", "Skylake-Server-v4"])
    """QEMU's name of the model, a version's too. Without it, `qemu64`."""
    vendor: Vendor | None = Field(default=None, examples=["intel"])
    """Whose vendor id the guest sees: `amd`, `intel`, or `other`. Without it that of the model: AMD's for `qemu64`.
    Under KVM QEMU gives every model the host's, unless told otherwise: say that one there."""
    host: bool = Field(default=False, examples=[True])
    """Whether it is the host's own (`-cpu host`, `host-passthrough`). Vendor and address bits are the host's then; what
    is not said of them is assumed to be as `qemu64` has it."""
    long_mode: bool = Field(default=True, examples=[False])
    """Whether it is a 64-bit CPU (the flag `lm`); where a model is said, by default as that is. A 32-bit CPU has 36
    address bits, or 32."""
    phys_bits: int | None = Field(default=None, ge=32, le=MOST_PHYS_BITS, examples=[46], exclude=True)
    """The same as `phys_bits` of the guest, and kept there: say it here or there."""
    guest_phys_bits: int | None = Field(default=None, ge=32, le=MOST_PHYS_BITS, examples=[46])
    """How many physical address bits CPUID says that guests can use (QEMU's CPU property `guest-phys-bits`). Without it
    nothing is said; but under KVM, on machine types from 9.1 on, QEMU says it of its own where the host's Linux, from
    6.10 on, does: say it there. OVMF from 202408 on goes by it."""
    host_phys_bits: bool = Field(default=False, examples=[True], exclude_if=lambda value: not value)
    """Whether its physical address bits are the host's though it is a model of QEMU's (QEMU's CPU property
    `host-phys-bits`, libvirt's `<maxphysaddr mode='passthrough'/>`). Those of `host: true` are anyway. How many that
    are says `phys_bits`, or a host that tells it (`--host`)."""
    host_phys_bits_limit: int | None = Field(
        default=None, ge=32, le=MOST_PHYS_BITS, examples=[46], exclude_if=lambda value: value is None
    )
    """The most of the host's physical address bits that it has (QEMU's CPU property `host-phys-bits-limit`, libvirt's
    `<maxphysaddr mode='passthrough' limit='46'/>`)."""
    pdpe1gb: bool | None = Field(default=None, examples=[False], exclude=True)
    """The same as `pdpe1gb` of the guest, and kept there; where a model is said, by default as that has it."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        if isinstance(value, str):
            return {"host": True} if value == "host" else {"model": value}
        return value

    @model_validator(mode="after")
    def _as_the_model(self) -> Self:
        known = None if self.model is None else cpu_models().get(self.model)
        if known is not None and self.vendor is None:
            self.__dict__["vendor"] = known.vendor
        if known is not None and "long_mode" not in self.model_fields_set:
            self.__dict__["long_mode"] = known.long_mode
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        fields = handler(core)
        name = {"type": "string", "enum": ["host", *cpu_models()]}
        return {"anyOf": [name, fields]} if handler.mode == "validation" else fields

    @property
    def own_model(self) -> CpuModel:
        """What its model is; QEMU's default's where none is said, or none that is known."""
        return cpu_models().get(self.model or DEFAULT_MODEL) or cpu_models()[DEFAULT_MODEL]

    @property
    def vendor_seen(self) -> Vendor:
        """The vendor that the guest sees."""
        return self.vendor or self.own_model.vendor

    @property
    def has_pse36(self) -> bool:
        """Whether it is a 32-bit CPU with 36 address bits in every QEMU: the flag pse36."""
        name = (self.model or DEFAULT_MODEL).partition("-v")[0]
        return self.bits(None) == PHYS_BITS_WITHOUT_LONG_MODE and name not in WITHOUT_PSE36

    @property
    def has_bits_of_host(self) -> bool:
        """Whether it has the host's physical address bits, whatever its machine type."""
        return self.long_mode and (self.host or self.host_phys_bits)

    def bits_on(self, host: int) -> int:
        """Physical address bits on a host that has so many, of a CPU that has the host's."""
        return host if self.host_phys_bits_limit is None else min(host, self.host_phys_bits_limit)

    def bits(self, stated: int | None) -> int:
        """Physical address bits; `stated` are those of the guest's field."""
        if not self.long_mode:
            return PHYS_BITS_WITHOUT_LONG_MODE if self.own_model.long_mode else self.own_model.phys_bits
        return DEFAULT_PHYS_BITS if stated is None else stated
