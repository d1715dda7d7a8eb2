"""The guest's CPU: spellings, what contradicts itself, how it reaches layouts and QEMU."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from qslot.schema import Cpu, Guest, Layout
from qslot.schema.errors import InputError
from qslot.schema.formats.files import parse_guest
from qslot.schema.formats.standalone import standalone
from qslot.schema.layout.layout import Platform
from qslot.schema.libvirt.compose import compose
from qslot.schema.pci.cpu import cpu_models
from qslot.schema.pci.ram import high_memory_end

from ..layouts import small_layout

GIB = 1 << 30


def q35(**fields: Any) -> Guest:
    return Guest.model_validate({"machine": "q35", **fields})


def of(**fields: Any) -> Layout:
    """A layout on the platform of that request."""
    return small_layout().model_copy(update={"platform": Platform.of(q35(**fields))})


def cpu_words(layout: Layout) -> str:
    words = standalone(layout)
    return words[words.index("-cpu") + 1] if "-cpu" in words else ""


def test_what_is_not_said_is_qemus_default() -> None:
    guest = q35()
    assert (guest.cpu.vendor_seen, guest.address_bits, guest.cpu.long_mode) == ("amd", 40, True)
    assert cpu_words(of()) == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"cpu": {"vendor": "intel", "phys_bits": 46}},
        {"cpu": {"vendor": "intel"}, "phys_bits": 46},
        {"cpu": {"vendor": "intel", "phys_bits": 46}, "phys_bits": 46},
        {"cpu": Cpu(vendor="intel", phys_bits=46)},
    ],
)
def test_spellings_of_address_bits_are_one_request(fields: dict[str, Any]) -> None:
    guest, plain = q35(**fields), q35(cpu={"vendor": "intel"}, phys_bits=46)
    assert guest == plain
    assert (guest.phys_bits, guest.address_bits, guest.sha256) == (46, 46, plain.sha256)
    assert Guest.model_validate(guest.model_dump(mode="json")) == guest


def test_a_model_is_what_qemu_has_of_it() -> None:
    guest = q35(cpu="Skylake-Server-v4")
    assert guest.cpu == Cpu(model="Skylake-Server-v4", vendor="intel")
    assert (guest.pdpe1gb, guest.address_bits) == (True, 40)
    assert not q35(cpu="Haswell").pdpe1gb
    assert q35(cpu="Haswell", pdpe1gb=True).pdpe1gb
    assert q35(cpu={"model": "Haswell", "pdpe1gb": True}).pdpe1gb
    assert q35(cpu="Dhyana").cpu.vendor == "other"
    assert q35(cpu={"model": "EPYC", "vendor": "intel"}).cpu.vendor == "intel"
    assert (q35(cpu="qemu32").address_bits, q35(cpu="pentium").address_bits) == (36, 32)
    assert q35(cpu={"long_mode": False}).address_bits == 36
    assert q35(cpu="host").cpu.host


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cpu": {"phys_bits": 46}, "phys_bits": 44}, ("cpu.phys_bits: 46", "44", "say one of them")),
        ({"cpu": {"pdpe1gb": True}, "pdpe1gb": False}, ("cpu.pdpe1gb: True", "False", "say one of them")),
        ({"cpu": "EPIC"}, ("cpu: 'EPIC'", "EPYC", "vendor and phys_bits")),
        ({"cpu": {"model": "EPYC", "host": True}}, ("cpu.host: true", "EPYC", "leave one out")),
        ({"cpu": "qemu32", "phys_bits": 40}, ("phys_bits: 40", "32-bit", "leave it out")),
        ({"cpu": "qemu32", "memory": "70GiB"}, ("memory: 75161927680", "36 address bits", "64-bit cpu")),
        ({"cpu": {"vendor": "AMD"}}, ("cpu.vendor", "'AMD'", "amd, intel")),
    ],
)
def test_contradictions_are_told(fields: dict[str, Any], said: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as raised:
        parse_guest(json.dumps({"machine": "q35", **fields}))
    assert all(word in str(raised.value) for word in said), str(raised.value)


def test_a_32_bit_cpu_has_no_hole_behind_its_ram() -> None:
    assert q35(cpu="pentium3", memory="40GiB").memory == 40 * GIB
    with pytest.raises(ValidationError):
        q35(phys_bits=36, memory="40GiB")


@pytest.mark.parametrize("cpu", ["pentium3", "kvm32-v1", {"long_mode": False}])
def test_before_8_2_qemu_asks_a_32_bit_cpu_for_the_hole(cpu: Any) -> None:
    """Whatever the machine type: it is the QEMU that looks. A smaller hole, or a newer QEMU, lets the guest start."""
    assert q35(cpu=cpu, memory="30GiB", qemu="7.2").memory == 30 * GIB
    assert q35(cpu=cpu, memory="31GiB", qemu="7.2", pci_hole64="31GiB").memory == 31 * GIB
    assert q35(cpu=cpu, memory="31GiB", machine="pc-q35-7.2", qemu="8.2").memory == 31 * GIB
    with pytest.raises(ValidationError, match=r"hole behind it end at 0x1040000000.*pci_hole64 of at most 31GiB"):
        q35(cpu=cpu, memory="31GiB", qemu="7.2")


def test_models_that_have_32_bits_there_are_not_looked_at() -> None:
    assert q35(cpu="qemu32", memory="31GiB", qemu="7.2").memory == 31 * GIB


@pytest.mark.parametrize(("vendor", "start"), [("amd", 1 << 40), ("intel", 4 * GIB), ("other", 4 * GIB)])
def test_only_amd_reserves_addresses(vendor: str, start: int) -> None:
    guest = q35(cpu={"vendor": vendor}, memory="1000GiB", phys_bits=46)
    assert high_memory_end(guest.machine_model, guest) == start + 998 * GIB


def test_it_reaches_the_layout_and_comes_back() -> None:
    layout = of(cpu={"model": "EPYC", "vendor": "intel", "phys_bits": 44})
    again = Layout.model_validate_json(layout.model_dump_json())
    assert again == layout
    assert again.platform.cpu == Cpu(model="EPYC", vendor="intel")
    guest = Guest.from_layout(again)
    assert (guest.cpu, guest.phys_bits, guest.pdpe1gb) == (layout.platform.cpu, 44, True)


def test_a_layout_from_before_is_of_qemus_default() -> None:
    data = of(phys_bits=44).model_dump(mode="json")
    del data["platform"]["cpu"]
    assert Layout.model_validate(data).platform.cpu == Cpu()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"phys_bits": 46}, "qemu64,pdpe1gb=on,phys-bits=46"),
        ({"cpu": "EPYC"}, "EPYC"),
        ({"cpu": "host"}, "qemu64,pdpe1gb=on"),
        ({"cpu": {"host": True, "vendor": "intel"}, "pdpe1gb": False}, "qemu64,vendor=GenuineIntel"),
        ({"cpu": {"model": "EPYC", "vendor": "intel"}}, "EPYC,vendor=GenuineIntel"),
        ({"cpu": {"model": "EPYC", "long_mode": False}}, "EPYC,lm=off"),
        ({"cpu": "pentium3"}, "pentium3"),
    ],
)
def test_qemu_is_told(fields: dict[str, Any], words: str) -> None:
    assert cpu_words(of(**fields)) == words


def test_models_of_one_name_and_versions() -> None:
    models = cpu_models()
    assert all(models[name.partition("-v")[0]] == model for name, model in models.items() if name[-3:-1] == "-v")
    assert {model.phys_bits for model in models.values() if model.long_mode} == {40}


@pytest.mark.parametrize("fields", [{"cpu": "host"}, {"cpu": {"model": "EPYC", "host_phys_bits": True}}])
def test_a_cpu_with_the_hosts_bits_has_those_without_which_no_host_starts_the_guest(fields: dict[str, Any]) -> None:
    assert q35(**fields, memory="2TiB").phys_bits == 42
    assert q35(**fields).phys_bits is None
    assert q35(**fields, memory="2TiB", phys_bits=46).phys_bits == 46
    with pytest.raises(ValidationError, match="beyond the 40 address bits"):
        q35(**fields, memory="8192TiB")


def test_bits_of_the_host_say_nothing_where_there_are_none() -> None:
    plain = q35(cpu="EPYC").model_dump(mode="json")
    assert not {"host_phys_bits", "host_phys_bits_limit"} & plain["cpu"].keys()
    limited = q35(cpu={"model": "EPYC", "host_phys_bits": True, "host_phys_bits_limit": 43})
    assert Guest.model_validate(limited.model_dump(mode="json")) == limited
    assert (limited.cpu.bits_on(46), limited.cpu.bits_on(42), q35(cpu="host").cpu.bits_on(46)) == (43, 42, 46)
    assert not q35(cpu={"host_phys_bits": True, "long_mode": False}).has_bits_of_host


def test_a_domain_says_whose_bits_they_are() -> None:
    passed = of(cpu={"model": "EPYC", "host_phys_bits": True, "host_phys_bits_limit": 43}, phys_bits=43)
    assert "<maxphysaddr mode='passthrough' limit='43'/>" in compose(passed).data.decode()
    assert "<maxphysaddr mode='emulate' bits='43'/>" in compose(of(cpu="EPYC", phys_bits=43)).data.decode()
