"""The command as a process: whatever becomes of its streams, its files and its time, a line and the right exit code."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qslot.schema.formats.written import to_json
from tests.layouts import small_layout

GUEST = "machine: q35\ndevices: [{id: net0, model: virtio-net}]\n"


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    path = tmp_path / "guest.yaml"
    path.write_text(GUEST)
    return path


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    path = tmp_path / "layout.json"
    path.write_text(to_json(small_layout()))
    return path


def shell(script: str, *words: str | Path, text: str = "") -> "subprocess.CompletedProcess[str]":
    """`$q` is the command, `$1` and so on are the words."""
    python = f'q() {{ "{sys.executable}" -m qslot "$@"; }}'
    return subprocess.run(
        ["bash", "-c", f"{python}; {script}", "bash", *map(str, words)],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told(done: "subprocess.CompletedProcess[str]") -> tuple[int, int, str]:
    """Exit code, how many lines on standard error, and the first of them."""
    lines = done.stderr.splitlines()
    return done.returncode, len(lines), (lines or [""])[0]


# ---- streams


@pytest.mark.parametrize("command", ['q show "$1"', "q schema", "q --help", "q show --help", "q --version"])
@pytest.mark.parametrize(("where", "why"), [(">/dev/full", "no space left on device"), (">&-", "it is closed")])
def test_a_result_that_cannot_be_written(command: str, where: str, why: str, layout: Path) -> None:
    done = shell(f"{command} {where}", layout)
    assert told(done) == (2, 1, f"qslot: standard output: can't be written: {why}")


def test_closed_streams_that_nothing_is_written_to(guest: Path, tmp_path: Path) -> None:
    target = tmp_path / "layout.json"
    assert told(shell('q plan "$1" --json -o "$2" >&- 2>&- <&-', guest, target))[0] == 0
    assert json.loads(target.read_text())["status"] == "optimal"
    assert told(shell('q check "$1" "$2" >&-', guest, target)) == (0, 0, "")
    assert told(shell("q plan - <&-")) == (2, 1, "qslot: standard input: can't be read: closed")


@pytest.mark.parametrize("where", ["/dev/full", "&-"])
@pytest.mark.parametrize(
    ("command", "code"), [('echo "x: [" | q plan -', 2), ("q plna", 2), ("q", 2), ('q plan "$1" --to qmp', 0)]
)
def test_a_message_that_cannot_be_written_changes_no_exit_code(
    command: str, code: int, where: str, guest: Path
) -> None:
    assert shell(f"{command} 2>{where}", guest).returncode == code


@pytest.mark.parametrize("command", ["q schema guest", "q --help"])
def test_a_reader_that_has_all_it_wants(command: str) -> None:
    done = shell(f"{command} | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == ("0\n", "")


# ---- the end


def ended(prelude: str, *words: str | Path, debug: str = "") -> "subprocess.CompletedProcess[str]":
    """The command, in a process that does something else before."""
    code = f"import sys\nfrom qslot.__main__ import main\n{prelude}\nmain()"
    environment = {**os.environ, "QSLOT_DEBUG": debug}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], env=environment, capture_output=True, text=True, timeout=120
    )


FREED = """
class Freed:
    def __del__(self, write=sys.__stderr__.write, flush=sys.__stderr__.flush): write("freed"), flush()
sys.freed = Freed()
"""
"""What says that Python frees it, as it does all that is left when it ends."""


def test_python_takes_nothing_apart_at_the_end(layout: Path) -> None:
    at_once, as_ever = ended(FREED, "show", layout), ended(FREED, "show", layout, debug="1")
    assert (at_once.returncode, at_once.stderr, as_ever.stderr) == (0, "", "freed")
    assert at_once.stdout == as_ever.stdout != ""


def test_what_was_asked_for_at_the_end_is_done_before(layout: Path) -> None:
    """Whatever a command registers while it runs; and threads that are no daemons are waited for."""
    late = """
import atexit, threading, time, click
def work():
    time.sleep(0.3)
    print("thread", file=sys.__stderr__)
def echo(*words, before=click.echo, **more):
    atexit.register(print, "registered", file=sys.__stderr__)
    threading.Thread(target=work).start()
    before(*words, **more)
click.echo = echo
"""
    done = ended(late, "show", layout)
    assert (done.returncode, done.stderr) == (0, "thread\nregistered\n")


@pytest.mark.parametrize(("words", "code"), [(["rules", "pin"], 0), (["rules", "pni"], 2), (["--help"], 0)])
def test_the_exit_code_is_the_commands(words: list[str], code: int) -> None:
    assert ended("", *words).returncode == code == ended("", *words, debug="1").returncode


# ---- time


@pytest.mark.parametrize("loaded", ["click", "qslot.solver.cli.streams", "pydantic_core", "qslot.schema.rules"])
def test_an_interrupt_while_it_is_loading(loaded: str, guest: Path) -> None:
    """Whatever is being imported. Python reports each module when it is there: the next is being loaded then."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "qslot", "plan", str(guest)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.split("|")[-1].strip() == loaded:
            break
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    said = [line for line in errors.splitlines() if not line.startswith("import time:")]
    assert (process.returncode, output, said) == (130, "", ["qslot: interrupted"])


def test_an_ignored_interrupt_stays_ignored(guest: Path) -> None:
    """As nohup, or a shell that runs it in the background, has it."""
    script = 'trap "" INT; q plan "$1" --json & sleep 0.3; kill -INT $!; wait $!'
    done = shell(script, guest)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "optimal")


@pytest.mark.parametrize("limit", ["nan", "inf", "-inf", "0", "-1", "soon"])
@pytest.mark.parametrize("command", ["plan", "explain", "probe"])
def test_a_time_limit_that_is_none(command: str, limit: str, guest: Path) -> None:
    done = shell('q "$1" "$2" --time-limit "$3"', command, guest, limit)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for '--time-limit'" in done.stderr


@pytest.mark.parametrize("words", [["plan", "{pipe}"], ["show", "{pipe}"], ["check", "{guest}", "{pipe}"]])
def test_a_pipe_that_nobody_writes_to_is_told(words: list[str], guest: Path, tmp_path: Path) -> None:
    """And read as ever, once somebody does."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "qslot", *(word.format(pipe=pipe, guest=guest) for word in words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == f"still reading {pipe}: nothing, or not all of it, has been written there\n"
    pipe.write_text("x: [")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, len(errors.splitlines())) == (2, "", 1)
    assert f"{pipe}: not YAML" in errors


# ---- files


def test_a_link_stays_a_link(guest: Path, tmp_path: Path) -> None:
    target, link, dangling = tmp_path / "target", tmp_path / "link", tmp_path / "dangling"
    target.write_text("before")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "made")
    for one in (link, dangling):
        assert shell('q plan "$1" --json -o "$2"', guest, one).returncode == 0
        assert one.is_symlink()
        assert json.loads(one.read_text())["status"] == "optimal"
    assert json.loads(target.read_text()) == json.loads((tmp_path / "made").read_text())


def test_links_in_a_circle_are_no_file(guest: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    done = shell('q plan "$1" -o "$2"', guest, one)
    assert told(done) == (2, 1, f"qslot: {one}: can't be written: too many levels of symbolic links")
    assert one.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["guest.yaml", "one", "other"]


# ---- values


@pytest.mark.parametrize(
    "firmware",
    [
        *("ovmf:", "ovmf:1.16", "ovmf:2025.13", "ovmf:2025", "ovmf:x", "ovmf:" + "9" * 5000, "bios", ":1.16.2"),
        *(
            "seabios:",
            "seabios:2.0",
            "seabios:1",
            "seabios:2022.11",
            "seabios:" + "9" * 5000,
            "seabios:1." + "9" * 5000,
        ),
    ],
)
def test_firmware_that_is_none(firmware: str, guest: Path) -> None:
    code, lines, first = told(shell('q plan "$1" --firmware "$2"', guest, firmware))
    assert (code, lines) == (2, 1)
    assert "firmware" in first
    assert len(first) < 300


@pytest.mark.parametrize("firmware", ["ovmf:202511", "ovmf:2024.02.1", "seabios:1.18.0", "seabios:0.5.1"])
def test_firmware_that_was_not_measured_is_planned_with_a_warning(firmware: str, guest: Path) -> None:
    done = shell('q plan "$1" --firmware "$2"', guest, firmware)
    assert done.returncode == 0
    assert "warning firmware-version" in done.stdout


@pytest.mark.parametrize("value", ["a\nb", "a\tb", "\x1b[2J", "\x7f", "a\x85"])
def test_control_characters_are_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    device = {"id": "disk0", "model": "nvme", "properties": {"serial": value}}
    path.write_text(json.dumps({"machine": "q35", "devices": [device]}))
    code, lines, first = told(shell('q plan "$1" --to argv', path))
    assert (code, lines) == (2, 1)
    assert "devices.disk0.properties.serial: " in first
    assert first.endswith("has a control character: leave it out")


@pytest.mark.parametrize("value", ["plain", "a b", "it's", 'say "x"', "a,b", "a\\b", "$HOME", "häuschen", "*"])
def test_all_other_values_come_through_xargs(value: str, tmp_path: Path) -> None:
    path = tmp_path / "guest.json"
    device = {"id": "disk0", "model": "nvme", "properties": {"serial": value}}
    path.write_text(json.dumps({"machine": "q35", "devices": [device]}))
    done = shell('q plan "$1" --to argv | xargs -r printf "%s\\n"', path)
    assert done.stderr == ""
    assert f"serial={value.replace(',', ',,')}" in done.stdout


# ---- layouts that nobody knows


def changed(where: str, **fields: Any) -> str:
    """The small layout with other fields of one part, or with other properties."""
    data = small_layout().model_dump(mode="json")
    part = next(one for one in (*data["controllers"], *data["devices"]) if one["id"] == where)
    part["properties"] |= fields.pop("properties", {})
    part |= fields
    return json.dumps(data)


STRANGE = {
    "device": changed("net2", model="xyz", driver="xyz"),
    "controller": changed("rp1", model="xyz"),
    "endpoint-as-controller": changed("rp1", model="e1000"),
    "property": changed("net0", properties={"banana": 1}),
    "id": changed("net0", properties={"id": "x"}),
    "no-name": changed("net0", properties={"": "x"}),
    "newline": changed("net0", properties={"serial": "a\nb"}),
    "bus": changed("video0", bus="nobus"),
    "itself": changed("rp1", bus="rp1"),
    "machine": json.dumps(small_layout().model_dump(mode="json") | {"machine": "foo"}),
}


@pytest.mark.parametrize("what", STRANGE)
def test_show_draws_what_nobody_knows(what: str) -> None:
    done = shell("q show -", text=STRANGE[what])
    assert told(done) == (0, 0, "")
    assert "net1 virtio-net" in done.stdout


@pytest.mark.real
@pytest.mark.parametrize("what", STRANGE)
def test_probe_says_what_qemu_says(what: str) -> None:
    done = shell("q probe - --time-limit 60", text=STRANGE[what])
    refused = what in ("id", "no-name", "newline")
    assert done.returncode == (2 if refused else 0 if what == "device" else 5), done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("The layout is planned for")]
    assert len(lines) == (2 if what == "device" else 1)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["romfile", "evdev", "sysfsdev", "cdat"])
@pytest.mark.parametrize("part", ["rp1", "net0"])
def test_files_of_the_host_are_named_and_not_opened(name: str, part: str, guest: Path, tmp_path: Path) -> None:
    layout = tmp_path / "strange.json"
    layout.write_text(changed(part, properties={name: "/etc/shadow"}))
    done = shell('q probe "$1" --qemu true', layout)  # whatever QEMU is: it is not asked
    files = f"QEMU opens files of this host: {name}='/etc/shadow' of {part}"
    assert told(done) == (2, 1, f"qslot: {files}; with --allow-host-files it may")
    assert files in shell('q probe "$1" --qemu true --allow-host-files --time-limit 1', layout).stderr
    checked = shell('q check "$1" "$2"', guest, layout)
    assert f"warning host-files: {part}: " in checked.stdout
    layout.write_text(changed(part, properties={name: ""}))
    assert "host-files" not in shell('q check "$1" "$2"', guest, layout).stdout
