"""Requests and layouts in other formats: nothing is lost without a word."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

import qslot
from qslot.schema.formats.convert import convert, differences, request_data
from qslot.schema.formats.files import parse_guest, read_layout
from qslot.schema.formats.plain_data import parse
from qslot.schema.formats.toml_text import toml_text
from qslot.schema.formats.written import to_json
from qslot.schema.layout.outcome import known_layout
from qslot.solver.cli import qslot as command
from qslot.testing import guests

LINES = Path(__file__).parent / "command_lines"
PLAIN = ("yaml", "json", "toml")
BY_A_PLANNER = {
    *("hotplug", "group", "near", "near_switch", "numa", "iommu_group", "virtio", "virtio_by", "address"),
    *("connect", "bars", "rom", "unknown_bars", "spare", "reserve", "policy", "qemu", "firmware", "machine_as"),
    *("chipset", "cpu", "phys_bits", "pdpe1gb", "memory", "max_memory", "memory_slots"),
}
"""What a request says and a command line cannot, or says otherwise."""
NOT_LIBVIRTS = re.compile("libvirt takes no|has no place in domain XML|domain XML has no words for dma-remap")
"""Why some layouts are no domains: a port on pc, a bus_nr of 255, an amd-iommu that remaps."""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "guest.json"


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
SCALARS = st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(st.characters(codec="utf-8"), max_size=9)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_toml_says_what_it_is_given(data: dict[str, object]) -> None:
    assert parse(toml_text(data), "toml") == data


@given(guest=guests(most=40), to=st.sampled_from(PLAIN))
def test_a_request_stays_what_it_is(tmp_path_factory: pytest.TempPathFactory, guest: qslot.Guest, to: str) -> None:
    source = tmp_path_factory.mktemp("convert") / "guest.json"
    source.write_text(json.dumps(request_data(guest)), encoding="utf-8")
    text, unsaid = convert(source, to)  # type: ignore[arg-type]
    again = parse_guest(text, to)  # type: ignore[arg-type]
    assert (unsaid, again.sha256, again.stated_versions) == ((), guest.sha256, guest.stated_versions)


@given(guest=guests(most=40))
def test_a_command_line_names_what_it_does_not_say(
    tmp_path_factory: pytest.TempPathFactory, guest: qslot.Guest
) -> None:
    assume(all("sriov-pf" not in one.properties for one in guest.devices))
    source = tmp_path_factory.mktemp("convert") / "guest.json"
    source.write_text(json.dumps(request_data(guest)), encoding="utf-8")
    for line in convert(source, "argv").unsaid:
        path = line.partition(": ")[0].split(".")
        # without an address QEMU puts what follows an expander inside it, where a second expander cannot be
        missing = path[0] in ("devices", "controllers") and len(path) == 2
        assert missing or BY_A_PLANNER & set(path), line


@pytest.mark.parametrize("to", PLAIN)
def test_a_layout_stays_what_it_is(to: str, written: Path) -> None:
    layout = qslot.solve(qslot.read_guest("examples/rhel6-q35.yaml")).require()
    written.write_text(to_json(layout), encoding="utf-8")
    text, unsaid = convert(written, to)  # type: ignore[arg-type]
    again = written.with_suffix(f".{to}")
    again.write_text(text, encoding="utf-8")
    assert unsaid == ()
    known = {name: told for name, told in layout.guest_names.items() if told is not None}  # TOML has no null
    expected = layout.model_copy(update={"guest_names": known}) if to == "toml" else layout
    assert read_layout(again) == expected


@pytest.mark.parametrize("name", ["proxmox-q35", "libvirt", "plain"])
def test_a_command_line_through_yaml_and_back(name: str, tmp_path: Path) -> None:
    first = qslot.read_guest(LINES / f"{name}.args")
    (tmp_path / "guest.yaml").write_text(convert(LINES / f"{name}.args", "yaml").text, encoding="utf-8")
    (tmp_path / "guest.args").write_text(convert(tmp_path / "guest.yaml", "argv").text, encoding="utf-8")
    assert list(differences(request_data(first), request_data(qslot.read_guest(tmp_path / "guest.args")))) == []


@given(guest=guests(most=40))
def test_a_layout_is_a_domain_that_states_it(tmp_path_factory: pytest.TempPathFactory, guest: qslot.Guest) -> None:
    layout = known_layout(qslot.solve(guest, qslot.Options(time_limit=2)))
    if layout is None:
        return
    folder = tmp_path_factory.mktemp("convert")
    (folder / "layout.json").write_text(to_json(layout), encoding="utf-8")
    try:
        text = convert(folder / "layout.json", "libvirt").text
    except qslot.InputError as error:
        if NOT_LIBVIRTS.search(str(error)):
            return
        raise
    (folder / "domain.xml").write_text(text, encoding="utf-8")
    stated = qslot.read_placed(folder / "domain.xml").layout
    assert seats(stated) == seats(layout)


def guest_of(*devices: dict[str, object]) -> qslot.Guest:
    return qslot.Guest.model_validate({"machine": "q35", "devices": devices})


def seats(layout: qslot.Layout) -> dict[str, tuple[object, ...]]:
    return {
        one.id: (one.model, one.virtio, layout.guest_addresses[one.id], one.slot, one.function)
        for one in layout.devices
    }


def test_a_number_that_libvirt_refuses_is_no_domain(tmp_path: Path) -> None:
    expander = {"id": "x", "model": "pxb-pcie", "address": "pcie.0:03.0", "properties": {"bus_nr": 255}}
    (tmp_path / "guest.json").write_text(json.dumps({"machine": "q35", "controllers": [expander]}), encoding="utf-8")
    with pytest.raises(qslot.InputError, match="x: bus_nr 255 has no place in domain XML, whose busNr is 1 to 254"):
        convert(tmp_path / "guest.json", "libvirt")


@pytest.mark.parametrize("model", ["vhost-vsock", "i6300esb"])
def test_what_a_domain_has_once_is_an_argument_the_second_time(tmp_path: Path, model: str) -> None:
    layout = qslot.solve(guest_of({"id": "a", "model": model}, {"id": "b", "model": model})).require()
    (tmp_path / "layout.json").write_text(to_json(layout), encoding="utf-8")
    made = convert(tmp_path / "layout.json", "libvirt")
    assert f"b ({model}): an argument of <qemu:commandline>, for want of an element" in made.unsaid
    assert made.text.count("<vsock") + made.text.count("<watchdog") == 1


def test_an_amd_iommu_that_remaps_is_no_element(tmp_path: Path) -> None:
    """It would not remap then, and QEMU would take no device of the host."""
    iommu: dict[str, object] = {"id": "mmu", "model": "amd-iommu", "properties": {"dma-remap": True}}
    host: dict[str, object] = {"id": "gpu", "model": "vfio-pci", "connect": "express", "bars": []}
    layout = qslot.solve(guest_of(host, iommu)).require()
    (tmp_path / "layout.json").write_text(to_json(layout), encoding="utf-8")
    with pytest.raises(qslot.InputError, match="mmu: domain XML has no words for dma-remap of an amd-iommu"):
        convert(tmp_path / "layout.json", "libvirt")


def test_a_group_of_virtual_functions_is_planned_before_it_is_a_command_line(tmp_path: Path) -> None:
    pair = [
        {"id": "pf", "model": "virtio-net", "group": "g"},
        {"id": "vf", "model": "virtio-net", "group": "g", "properties": {"sriov-pf": "pf"}},
    ]
    (tmp_path / "guest.json").write_text(json.dumps({"machine": "q35", "devices": pair}), encoding="utf-8")
    with pytest.raises(qslot.InputError, match="says nothing of groups: plan it first"):
        convert(tmp_path / "guest.json", "argv")


def test_a_request_with_open_places_is_no_domain() -> None:
    with pytest.raises(qslot.InputError, match="plan it first"):
        convert("examples/rhel6-q35.yaml", "libvirt")


class TestCommand:
    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(command, ["convert", *arguments])
        return done.exit_code, done.stdout, done.stderr

    def test_by_suffix(self, tmp_path: Path) -> None:
        out = tmp_path / "guest.toml"
        assert self.run("examples/rhel6-q35.yaml", str(out))[0] == 0
        assert qslot.read_guest(out).sha256 == qslot.read_guest("examples/rhel6-q35.yaml").sha256

    def test_what_is_lost_is_told(self) -> None:
        code, out, told = self.run("examples/rhel6-q35.yaml", "-", "--to", "argv")
        assert (code, out.splitlines()[0]) == (0, "qemu-system-x86_64 \\")
        assert "not said by argv: devices.net0.hotplug: required" in told

    def test_a_line_behind_dashes(self) -> None:
        code, out, _ = self.run("-", "--to", "json", "--", "qemu-system-x86_64", "-M", "q35", "-nodefaults")
        assert (code, json.loads(out)["machine"]) == (0, "q35")

    @pytest.mark.parametrize("arguments", [("a.txt",), ("-",), ("a.xml",)])
    def test_a_format_that_is_none(self, arguments: tuple[str, ...]) -> None:
        assert self.run("examples/rhel6-q35.yaml", *arguments)[0] == 2
