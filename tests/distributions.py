"""Looks at the wheel and the sdist of a folder: `python -m tests.distributions dist`, which `make dist` runs.

Both carry each file of the package, and nothing else; what is a link in a checkout (schema/semantics.md) is a file in
them; the wheel, installed alone in a folder, answers from there. Exit code 1, with a line a fault.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).parents[1]
GENERATED: Final = (".dist-info/", ".egg-info/")
BESIDE: Final = {"LICENSE", "README.md", "MANIFEST.in", "PKG-INFO", "pyproject.toml", "setup.cfg"}
"""Files of an sdist that are not the package."""
PLAN: Final = "import qslot; print(qslot.__file__); print(qslot.solve(qslot.Guest(machine='q35')).require().status)"


def packaged() -> set[str]:
    """Files of the package by their path in it, as git has them; what is a link in qslot/ is a folder there."""
    linked = [path.name for path in (ROOT / "qslot").iterdir() if path.is_symlink()]
    listed = subprocess.run(
        ["git", "ls-files", "qslot", *linked], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    files = (path for path in listed if path not in {f"qslot/{name}" for name in linked})
    return {path if path.startswith("qslot/") else f"qslot/{path}" for path in files}


def faults_of_contents(what: str, found: set[str]) -> Iterator[str]:
    wanted = packaged()
    yield from (f"{what} lacks {path}" for path in sorted(wanted - found))
    yield from (f"{what} should not have {path}" for path in sorted(found - wanted))


def faults_of_wheel(path: Path) -> Iterator[str]:
    """Of its files and its metadata."""
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if not any(part in name for part in GENERATED)]
        yield from faults_of_contents(path.name, set(names))
        page = wheel.read("qslot/schema/semantics.md")
        (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        said = message_from_bytes(wheel.read(metadata))
    if page != (ROOT / "docs" / "semantics.md").read_bytes():
        yield f"{path.name}: semantics.md is not the page of docs/"
    wanted = {"Author": "qslot maintainers", "License-Expression": "Apache-2.0", "Project-URL": None, "Home-page": None}
    yield from (f"{path.name}: {key} is {said[key]}" for key, value in wanted.items() if said[key] != value)


def faults_of_sdist(path: Path) -> Iterator[str]:
    with tarfile.open(path) as sdist:
        members = [member for member in sdist.getmembers() if not member.isdir()]
    yield from (f"{path.name}: {one.name} is no plain file" for one in members if not one.isreg())
    names = {str(PurePosixPath(*PurePosixPath(one.name).parts[1:])) for one in members}
    kept = {name for name in names - BESIDE if not any(part in name for part in GENERATED)}
    yield from faults_of_contents(path.name, kept)


def faults_of_installed(path: Path) -> Iterator[str]:
    """Of what the wheel does by itself: it plans, and tells what a rule means."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder]
        subprocess.run([*pip, str(path)], check=True)
        for words, part in ((["-c", PLAN], "optimal"), (["-m", "qslot", "rules", "io-space"], "Allowed")):
            done = subprocess.run(
                [sys.executable, *words],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": folder},
                capture_output=True,
                text=True,
                check=False,
            )
            if part not in done.stdout or ("-c" in words and folder not in done.stdout):
                yield f"{path.name}, installed: {words} printed {done.stdout}{done.stderr}"


def main(folder: str) -> int:
    """The command's exit code; prints each fault."""
    (wheel,) = Path(folder).glob("*.whl")
    (sdist,) = Path(folder).glob("*.tar.gz")
    faults = [*faults_of_wheel(wheel), *faults_of_sdist(sdist), *faults_of_installed(wheel)]
    print("\n".join(faults) or f"{wheel.name} and {sdist.name} are whole")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
