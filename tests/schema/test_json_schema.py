"""The JSON Schema of a guest takes what the program takes, and no field that there is not."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from qslot.schema import Guest
from qslot.schema.formats.files import parse_guest
from qslot.schema.formats.json_schema import guest_schema, layout_schema
from qslot.schema.formats.unchecked import read_data
from qslot.testing.generator import request

from ..layouts import small_layout

EXAMPLES = Path(__file__).parents[2] / "examples"
GUESTS = Draft202012Validator(guest_schema())
LAYOUTS = Draft202012Validator(layout_schema())
NIC = {"id": "net0", "model": "virtio-net"}
PORT = {"id": "rp1", "model": "pcie-root-port"}
GPU = {"id": "gpu0", "model": "vfio-pci", "connect": "express"}


def guest(**fields: Any) -> dict[str, Any]:
    return {"machine": "q35", "devices": [NIC]} | fields


def taken(data: object) -> bool:
    """By the program."""
    try:
        Guest.model_validate(data)
    except ValidationError:
        return False
    return True


SPELLINGS = {
    "firmware by name": guest(firmware="ovmf"),
    "firmware with a number": guest(firmware={"name": "ovmf", "version": 202308}),
    "firmware with a decimal": guest(firmware={"name": "ovmf", "version": 2023.08}),
    "firmware with an empty version": guest(firmware={"version": ""}),
    "firmware without a version": guest(firmware={"name": "ovmf", "version": None}),
    "spare by kind": guest(spare={"pcie": 4, "pci": "1"}),
    "spare as a list": guest(spare=[{"kind": "pcie", "count": 2, "io": "4KiB", "memory": "64 MiB"}]),
    "size as text": guest(memory="64KiB"),
    "size with spaces": guest(memory=" 2 GiB "),
    "size in bytes as text": guest(memory="4096", pci_hole64="1TiB", phys_bits=41),
    "cpu by name": guest(cpu="EPYC-v4"),
    "cpu of the host": guest(cpu="host"),
    "cpu by its parts": guest(cpu={"vendor": "intel", "phys_bits": 46, "host": "on"}),
    "number as text": guest(phys_bits="46", numa_nodes="2"),
    "switches as words": guest(chipset={"sata": "off", "smbus": "no", "usb": "true"}),
    "port without hot-plug": guest(controllers=[PORT | {"hotplug": "off", "properties": {"io-reserve": "8K"}}]),
    "nothing": guest(phys_bits=None, devices=[NIC | {"virtio": None, "address": None, "rom": None}]),
    "pins": guest(controllers=[PORT | {"address": "pcie.0:1E"}], reserve=["pcie.0:01", "pcie.0:1f.4"]),
    "pin of a function": guest(devices=[NIC | {"address": ".7"}]),
    "properties of all types": guest(devices=[NIC | {"properties": {"mq": True, "vectors": 4, "x": 1.5, "y": "z"}}]),
    "host device": guest(devices=[GPU | {"rom": "64KiB", "bars": [{"bar": "0", "kind": "mem64", "size": "16MiB"}]}]),
    "versioned machine": guest(machine="pc-i440fx-2.12"),
}  # fmt: skip

REFUSED = {
    "field of a guest": guest(device=[]),
    "field of a device": guest(devices=[NIC | {"adress": "pcie.0:05"}]),
    "field of a firmware": guest(firmware={"name": "ovmf", "build": 3}),
    "field of a policy": guest(policy={"presets": "libvirt"}),
    "field of a chipset": guest(chipset={"ahci": True}),
    "device without a model": guest(devices=[{"id": "net0"}]),
    "field of a cpu": guest(cpu={"bits": 46}),
    "model of a cpu": guest(cpu="EPIC"),
    "vendor of a cpu": guest(cpu={"vendor": "GenuineIntel"}),
    "machine": guest(machine="q36"),
    "firmware": guest(firmware="bios"),
    "firmware version": guest(firmware={"version": "new"}),
    "unit": guest(memory="4GB"),
    "size below zero": guest(memory=-1),
    "number above its range": guest(phys_bits=53),
    "word for a number": guest(numa_nodes="two"),
    "word for a switch": guest(chipset={"sata": "maybe"}),
    "kind of spare": guest(spare={"usb": 1}),
    "count of spares": guest(spare={"pcie": 1025}),
    "slot": guest(reserve=["pcie.0:20"]),
    "function": guest(devices=[NIC | {"address": "pcie.0:05.8"}]),
    "function past all": guest(devices=[NIC | {"address": ".100"}]),
    "id": guest(devices=[NIC | {"id": "0net"}]),
    "mode": guest(devices=[NIC | {"virtio": "1.0"}]),
    "too many controllers": guest(controllers=[PORT] * 1025),
}


@pytest.mark.parametrize("document", [guest_schema(), layout_schema()], ids=["guest", "layout"])
def test_schemas_are_schemas(document: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(document)
    assert document["$id"].startswith("urn:qslot:")


@pytest.mark.parametrize(
    "path",
    sorted(path for path in EXAMPLES.iterdir() if path.suffix not in (".py", ".xml")),
    ids=lambda path: path.name,
)
def test_examples_pass(path: Path) -> None:
    GUESTS.validate(read_data(path)[0])


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings_pass_as_they_do_in_the_program(name: str) -> None:
    assert taken(SPELLINGS[name])
    GUESTS.validate(SPELLINGS[name])


@pytest.mark.parametrize("name", REFUSED)
def test_nonsense_is_refused_as_it_is_by_the_program(name: str) -> None:
    assert not taken(REFUSED[name])
    assert not GUESTS.is_valid(REFUSED[name])


@pytest.mark.parametrize("data", [guest(machine="auto"), {"devices": [NIC | {"virtio": "auto-by-os"}]}])
def test_what_an_os_decides_may_be_open(data: dict[str, Any]) -> None:
    GUESTS.validate(data)


@pytest.mark.parametrize("seed", range(200))
def test_random_requests_pass(seed: int) -> None:
    GUESTS.validate(request(seed))


def test_canonical_guests_pass() -> None:
    GUESTS.validate(parse_guest("machine: q35\ndevices: [{id: a, model: nvme}]").model_dump(mode="json"))


def test_layouts_pass() -> None:
    data = small_layout().model_dump(mode="json")
    LAYOUTS.validate(data)
    assert not LAYOUTS.is_valid(data | {"more": 1})


@pytest.mark.parametrize(("what", "validator"), [("guest", GUESTS), ("layout", LAYOUTS)])
def test_every_field_has_words_and_examples_that_pass(what: str, validator: Draft202012Validator) -> None:
    document: dict[str, Any] = json.loads(json.dumps(validator.schema))
    parts = [document, *(option for part in document["$defs"].values() for option in part.get("anyOf", [part]))]
    for part in (part for part in parts if "properties" in part):
        assert part["description"], what
        for name, field in part["properties"].items():
            assert field["description"].endswith("."), (part["title"], name)
            for example in field.get("examples", ()):
                whole = validator.evolve(schema={"$defs": document["$defs"], **field})
                assert whole.is_valid(example), (part["title"], name, example)
