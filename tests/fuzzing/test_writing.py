"""Writing ends with the whole file or with the old one: a disk that is full, a reader that is gone, SIGTERM."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from qslot.schema.errors import InputError
from qslot.schema.formats.written import to_json, write
from tests.layouts import small_layout

OLD: Final = "old\n"
NEW: Final = "".join(f"line {number} of what is new\n" for number in range(20_000))
WRITER: Final = """
import resource, signal, sys
from pathlib import Path
from qslot.schema.formats.written import write

text = Path(sys.argv[2]).read_text()
print("ready", flush=True)
while True:
    write(sys.argv[1], text)
"""
"""Writes the same text again and again."""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "out" / "layout.json"
    path.parent.mkdir()
    path.write_text(OLD)
    return path


@pytest.mark.parametrize("delay", [0.0, 0.003, 0.011, 0.029])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_ended_in_the_midst_of_it(target: Path, tmp_path: Path, number: int, delay: float) -> None:
    """Whenever it comes, one whole text or the other stands there. After SIGTERM nothing else does."""
    (tmp_path / "new").write_text(NEW)
    words = [sys.executable, "-c", WRITER, str(target), str(tmp_path / "new")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.send_signal(number)
        process.wait(20)
    assert target.read_text() in (OLD, NEW)


SLOW_DISK: Final = """
import os, sys, time

def fsync(_):
    print("writing", flush=True)
    time.sleep(60)

os.fsync = fsync
from qslot.__main__ import main
main()
"""


def test_a_command_that_is_ended_while_it_writes(target: Path, tmp_path: Path) -> None:
    """No temporary file stays behind."""
    layout = tmp_path / "layout.json"
    layout.write_text(to_json(small_layout()))
    words = [sys.executable, "-c", SLOW_DISK, "show", str(layout), "--to", "json", "-o", str(target)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert len(os.listdir(target.parent)) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    assert (os.listdir(target.parent), target.read_text()) == (["layout.json"], OLD)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room_for_all_of_it(target: Path) -> None:
    with files_of_at_most(4096), pytest.raises(InputError, match=r"layout\.json: can't be written: file too large"):
        write(target, NEW)
    assert (os.listdir(target.parent), target.read_text()) == (["layout.json"], OLD)


def test_a_disk_that_is_full(target: Path, tmp_path: Path) -> None:
    """One of 64 KiB, in a mount namespace of its own."""
    (tmp_path / "new").write_text(NEW)
    script = (
        'mount -t tmpfs -o size=64k none "$1" || exit 77\n'
        'echo old > "$1/layout.json"\n'
        '"$2" -c "$3" "$1/layout.json" "$4"; echo $?; ls -A "$1"; cat "$1/layout.json"'
    )
    once = WRITER.replace("while True:", "if True:")
    words = [
        "unshare",
        "-rm",
        "sh",
        "-c",
        script,
        "sh",
        str(target.parent),
        sys.executable,
        once,
        str(tmp_path / "new"),
    ]
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here: package util-linux")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()[:100]}")
    assert "can't be written: no space left on device" in done.stderr
    assert done.stdout.split() == ["ready", "1", "layout.json", "old"]


@pytest.mark.parametrize("place", ["/dev/full", "pipe"])
def test_what_is_no_file(tmp_path: Path, place: str) -> None:
    """A reader that is gone before it has all, and a device without room."""
    if place == "pipe":
        place = str(tmp_path / "pipe")
        os.mkfifo(place)
    with ThreadPoolExecutor(1) as readers:
        reader = readers.submit(lambda: Path(place).open("rb").close())
        with pytest.raises(InputError, match=r"can't be written: (no space left on device|broken pipe)"):
            write(place, NEW)
        reader.result(20)
