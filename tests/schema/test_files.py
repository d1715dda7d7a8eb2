"""Reading guests and layouts: every kind of bad file is one InputError that names the file and the mend."""

import io
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from qslot.schema import Guest, Layout
from qslot.schema.bounded_input import MAX_BYTES
from qslot.schema.errors import InputError
from qslot.schema.formats.files import parse_guest, read_guest, read_layout
from qslot.schema.formats.plain_data import MAX_NESTED, TextError, parse, sniff
from qslot.schema.formats.written import to_json, to_yaml, write
from qslot.schema.request.fields import MAX_DEVICES
from tests.layouts import small_layout

YAML = "machine: q35\ndevices:\n  - {id: net0, model: virtio-net, virtio: transitional}\n"
TOML = 'machine = "q35"\n[[devices]]\nid = "net0"\nmodel = "virtio-net"\nvirtio = "transitional"\n'
JSON = '{"machine": "q35", "devices": [{"id": "net0", "model": "virtio-net", "virtio": "transitional"}]}'


def complaint(path: Path, text: str | bytes) -> str:
    """What reading a guest with this text says."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        read_guest(path)
    message = str(error.value)
    assert all(line.startswith(f"{path}: ") for line in message.splitlines())
    return message.replace(f"{path}: ", "")


@pytest.mark.parametrize(("suffix", "text"), [(".yaml", YAML), (".yml", YAML), (".toml", TOML), (".json", JSON)])
def test_each_format_reads_the_same_guest(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"guest{suffix}"
    path.write_text(text)
    assert read_guest(path) == parse_guest(JSON, "json")


@pytest.mark.parametrize("text", [YAML, TOML, JSON, "\ufeff" + YAML, "# a comment\n\n" + TOML])
def test_format_is_guessed_without_a_suffix(tmp_path: Path, text: str) -> None:
    path = tmp_path / "guest"
    path.write_text(text, encoding="utf-8")
    assert read_guest(path) == parse_guest(JSON)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TOML.encode())))
    assert read_guest("-") == parse_guest(JSON)


def test_overrides_count_before_the_checks(tmp_path: Path) -> None:
    path = tmp_path / "guest.yaml"
    path.write_text(YAML)
    assert read_guest(path, {"firmware": {"name": "ovmf"}}).firmware.name == "ovmf"
    with pytest.raises(InputError, match="'bios' is not one of seabios, ovmf"):
        read_guest(path, {"firmware": {"name": "bios"}})


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.yaml: can't be read: no such file"):
        read_guest(tmp_path / "nothing.yaml")
    with pytest.raises(InputError, match="can't be read: is a directory"):
        read_guest(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.yaml", "", "empty"),
        ("a.yaml", " \n\t\n", "empty"),
        ("a.yaml", "# only words\n", "nothing but comments"),
        ("a.yaml", "- net0\n", "but holds a list"),
        ("a.yaml", "q35\n", "but holds a str, 'q35'"),
        ("a.json", "[1]", "but holds a list"),
        ("a.yaml", b"\x7fELF\x02\x01\x01\x00\x00", "not text: a zero byte at offset 7"),
        ("a.yaml", b"machine: \xff\xfe", "not text: byte 0xff at offset 9 is not UTF-8"),
        ("a.yaml", "machine: q35\n\tdevices: []\n", "not YAML: line 2"),
        ("a.yaml", "machine: [q35\n", "not YAML: line 2"),
        ("a.yaml", "machine: q35\n---\nmachine: pc\n", "expected a single document"),
        ("a.yaml", "machine: !!python/object:os.system q35\n", "could not determine a constructor"),
        ("a.yaml", "machine: q35\nmemory: 2024-99-99\n", "not YAML"),
        ("a.yaml", "machine: q35\ndevices: []\nmachine: pc\n", "line 3: key 'machine' stands twice, first on line 1"),
        ("a.yaml", "machine: q35\ndevices:\n - {id: a, model: VGA, id: b}\n", "line 3: key 'id' stands twice"),
        ("a.yaml", "machine: &m [*m]\n", "contains itself"),
        ("a.toml", 'machine = "q35"\nmachine = "pc"\n', "not TOML: Cannot overwrite a value (at line 2"),
        ("a.toml", "machine = q35\n", "not TOML: Invalid value (at line 1"),
        ("a.json", '{"machine": "q35",}', "not JSON: line 1, column 19"),
        ("a.json", '{"machine": "q35", "machine": "pc"}', "key 'machine' stands twice"),
        ("a.json", '{"memory": NaN}', "NaN is not a number"),
        ("a.json", '{"memory": ' + "9" * 5000 + "}", "a number of a thousand digits"),
        ("a.xml", "<domainsnapshot/>", "the root element is <domainsnapshot>"),
        ("a", "  <domain type='kvm'>", "line 1: not well-formed XML"),
        ("a.yaml", "qslot: 1\n", "this is a layout, not a guest"),
    ],
)
def test_broken_text(tmp_path: Path, name: str, text: str | bytes, says: str) -> None:
    message = complaint(tmp_path / name, text)
    assert says in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", "[" * 200_000), ("a.json", "[" * 200_000), ("a.toml", "a=" + "[" * 20_000)]
)
def test_deep_nesting_is_refused_not_a_crash(tmp_path: Path, name: str, text: str) -> None:
    """libyaml's loader ended the interpreter with a segmentation fault here."""
    assert f"nested deeper than {MAX_NESTED} levels" in complaint(tmp_path / name, text)


def test_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    start = time.monotonic()
    with pytest.raises(TextError, match="aliases unfold to more than"):
        parse("\n".join(lines), "yaml")
    assert time.monotonic() - start < 2


def test_anchors_and_merges_are_fine() -> None:
    text = "machine: q35\ndevices:\n  - &nic {id: net0, model: virtio-net}\n  - {<<: *nic, id: net1}\n"
    assert [device.id for device in parse_guest(text).devices] == ["net0", "net1"]


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="larger than 32 MiB"):
        read_guest(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (YAML.replace("transitional", "modem"), "devices.net0.virtio: 'modem' is not one of legacy, transitional"),
        (YAML.replace("virtio: ", "virtoi: "), "devices.net0.virtoi: no such field here; nearest: virtio"),
        (YAML.replace("q35", "q36"), "machine: 'q36' is not a machine: write q35, pc, or"),
        (YAML.replace("net0", "0net"), "devices[0].id: '0net' is not a QEMU id"),
        (YAML.replace("id: net0, ", ""), "devices[0].id is missing: write a name of its own"),
        (YAML.replace("machine: q35", "firmware: seabios"), "machine is missing: write q35, pc, or a versioned name"),
        (YAML + "name: web\n", "name: no such field here; there are machine, "),
        (YAML + "spare: [{count: 2}]\n", "spare[0].kind is missing"),
        (YAML + "memory: 2GB\n", "memory: size '2GB' is not a number of bytes"),
        (YAML + "spare: {pcie: many}\n", "spare.pcie: 'many' is not a whole number"),
        (YAML + "spare: {isa: 1}\n", "spare.isa: 'isa' is not one of pcie, pci"),
        (YAML + "spare: 6\n", "spare: 6: write how many of each kind, as in {pcie: 2}"),
        (YAML + "firmware: bios\n", "firmware: 'bios' is not one of seabios, ovmf"),
        (YAML + "reserve: [.7x]\n", "reserve[0]: address '.7x': function '7x' is not one of 0 to 7"),
        (YAML + "policy: {max_dept: 3}\n", "policy.max_dept: no such field here; nearest: max_depth"),
        (YAML + "numa_nodes: -1\n", "numa_nodes: -1 should be greater than or equal to 0"),
        (
            YAML.replace("virtio: transitional", "properties: {mac: [1]}"),
            "devices.net0.properties.mac: [1] is not a number",
        ),
        (
            YAML.replace("virtio: transitional", "address: .5"),
            "devices.net0.address: address 0.5 must be text",
        ),
        ("machine: q35\ndevices: {id: net0}\n", "devices: {'id': 'net0'} is not a list"),
        ("machine: q35\ndevices: [net0]\n", "devices[0]: 'net0' is not a mapping"),
        (YAML.replace("virtio-net", "virtio-nett"), "'virtio-nett' is not in the catalogue; nearest: virtio-net"),
    ],
)
def test_a_wrong_field_is_named_with_value_and_mend(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_guest(text, "yaml")
    message = str(error.value)
    assert says in message
    assert len(message.splitlines()) == 1
    assert "pydantic" not in message.lower()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("machine: q35\ndevices:\n\t- {id: a}\n", "line 3, column 1: a tab, where YAML takes none: indent with spaces"),
        ("memory: 1\npolicy:\n  preset: default\n\tprune: true\n", "line 4, column 1: a tab, where YAML takes none"),
        ("machine: @q35\n", "line 1, column 10: '@' cannot stand at the start of a value: put it in quotes"),
    ],
)
def test_a_character_that_yaml_does_not_take_is_named(text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        parse_guest(text, "yaml")
    assert says in str(error.value)


@pytest.mark.parametrize("text", ["<domain/>", "  <domain type='kvm'><os/></domain>"])
def test_a_text_may_be_domain_xml_too(text: str) -> None:
    with pytest.raises(InputError, match="<os><type machine="):
        parse_guest(text)


def test_a_text_takes_overrides() -> None:
    guest = parse_guest(YAML, None, {"spare": {"pcie": 2}}, {"devices.net0.hotplug": "never"})
    assert (guest.spare[0].count, guest.devices[0].hotplug) == (2, "never")


def test_each_number_of_a_mapping_is_a_problem_of_its_own() -> None:
    with pytest.raises(InputError) as error:
        parse_guest(YAML + "spare: {pcie: six, usb: 2}\n", "yaml")
    assert [one.field for one in error.value.problems] == ["spare.pcie", "spare.usb"]


def test_a_large_guest_is_read_and_one_too_large_refused() -> None:
    def text(count: int) -> str:
        return "machine: q35\ndevices:\n" + "".join(f"  - {{id: n{n}, model: virtio-net}}\n" for n in range(count))

    assert len(parse_guest(text(2000)).devices) == 2000
    with pytest.raises(InputError, match="devices: 20001 entries, but at most 20000 are planned"):
        parse_guest(text(MAX_DEVICES + 1))


def test_many_problems_are_cut() -> None:
    devices = ", ".join(f"{{id: net{n}, model: 5}}" for n in range(100))
    with pytest.raises(InputError) as error:
        parse_guest(f"machine: q35\ndevices: [{devices}]\n")
    lines = str(error.value).splitlines()
    assert len(lines) == 11
    assert lines[-1].endswith("... and 90 more problems")


def test_a_huge_value_is_not_repeated_in_full() -> None:
    with pytest.raises(InputError) as error:
        parse_guest(f"machine: {'x' * 10_000}\n")
    assert len(str(error.value)) < 300


def test_layout_comes_back_as_it_was_written(tmp_path: Path) -> None:
    layout = small_layout()
    for name, text in (("a.json", to_json(layout)), ("a.yaml", to_yaml(layout))):
        write(tmp_path / name, text)
        assert read_layout(tmp_path / name) == layout


def test_guest_in_place_of_a_layout(tmp_path: Path) -> None:
    (tmp_path / "guest.yaml").write_text(YAML)
    with pytest.raises(InputError, match="not a layout"):
        read_layout(tmp_path / "guest.yaml")


def test_guest_survives_being_written() -> None:
    guest = parse_guest(YAML)
    assert parse_guest(to_json(guest)) == parse_guest(to_yaml(guest)) == guest


def test_write_replaces_whole_files_and_keeps_mode_and_links(tmp_path: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write(link, "new")
    assert (target.read_text(), link.is_symlink(), stat.S_IMODE(target.stat().st_mode)) == ("new", True, 0o640)
    assert sorted(os.listdir(tmp_path)) == ["link.json", "real.json"]


def test_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "layout.json"
    target.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match=r"layout\.json: can't be written: no space left on device"):
        write(target, "new")
    assert (target.read_text(), os.listdir(tmp_path)) == ("old", ["layout.json"])
    with pytest.raises(InputError, match="can't be written: no such file or directory"):
        write(tmp_path / "no" / "a", "x")


def test_write_to_what_is_not_a_file() -> None:
    write("/dev/null", "gone")


@pytest.mark.parametrize(
    ("text", "kind"), [("{machine: q35}", "yaml"), ("{}", "json"), ("", "yaml"), ("[a]\nb = 1", "toml")]
)
def test_sniff(text: str, kind: str) -> None:
    assert sniff(text) == kind


def test_examples_are_guests() -> None:
    folder = Path(__file__).parents[2] / "examples"
    guests: list[Guest] = [read_guest(path) for path in sorted(folder.iterdir()) if path.suffix != ".py"]
    assert len(guests) >= 7


def test_layout_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    data: dict[str, Any] = Layout.model_dump(small_layout(), mode="json") | {"qslot": 2}
    path = tmp_path / "a.json"
    path.write_text(
        str(data).replace("'", '"').replace("None", "null").replace("True", "true").replace("False", "false")
    )
    with pytest.raises(InputError, match="a layout of format 2, and this qslot reads formats up to 1"):
        read_layout(path)
