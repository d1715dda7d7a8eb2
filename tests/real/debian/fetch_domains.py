"""Unpacks into DIRECTORY the domains of libvirt's own tests, of Debian's source package: python fetch_domains.py SUITE
DIRECTORY. Needs apt, but not root. Of these domains nothing becomes part of the project.

Only domains of x86 machines with PCI whose name has a SHA-256 that is 2, 3 or 4 modulo 5: the others are kept aside.
"""

import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

FOLDERS: Final = ("qemuxmlconfdata", "qemuxml2argvdata", "qemuxml2xmloutdata")
"""Of libvirt's folder `tests`, by version."""
CAPABILITIES: Final = re.compile(r"\.[a-z0-9_]+-(latest|\d+\.\d+\.\d+).*$")
"""How the name of an output ends, after that of its input."""


class FetchError(Exception):
    """The mirror does not have it, or there is no apt."""


def fetch(suite: str, folder: Path) -> int:
    """Fills the folder; gives the number of domains. Raises FetchError with apt's words."""
    with TemporaryDirectory() as scratch:
        tar = _download(suite, Path(scratch))
        domains = dict(_domains(tar))
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in domains.items():
        (folder / name).write_bytes(data)
    return len(domains)


def is_ours(name: str) -> bool:
    """Whether a file may be looked at: by its own name, and by that of the input that it belongs to."""
    stem = name.removesuffix(".xml")
    return all(int(sha256(one.encode()).hexdigest(), 16) % 5 in (2, 3, 4) for one in (stem, CAPABILITIES.sub("", stem)))


def _download(suite: str, scratch: Path) -> Path:
    (scratch / "lists" / "partial").mkdir(parents=True)
    (scratch / "cache" / "archives" / "partial").mkdir(parents=True)
    (scratch / "sources.list").write_text(f"deb-src {_mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::SourceList": scratch / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "",
        "Acquire::Check-Valid-Until": "false",  # a mirror may be of some day in the past
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    for words in (["update"], ["source", "--download-only", "--tar-only", "libvirt"]):
        done = subprocess.run(["apt-get", "-q", *options, *words], cwd=scratch, capture_output=True, text=True)
        if done.returncode:
            raise FetchError(f"apt-get {' '.join(words)} of {suite}: {done.stderr.strip()}")
    found = sorted(scratch.glob("libvirt_*.orig.tar.*"))
    if not found:
        raise FetchError(f"apt-get source of {suite}: no tar file")
    return found[0]


def _mirror() -> str:
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL) $(COMPONENT)", "Created-By: Packages"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise FetchError(f"no apt: {error}") from None
    mirrors = [line.split()[0] for line in told.splitlines() if line.split()[1:] == ["Debian", "main"]]
    if not mirrors:
        raise FetchError("apt knows no mirror of Debian: not Debian, or no apt-get update yet")
    return mirrors[0]


def _domains(tar: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(tar) as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            wanted = len(parts) == 4 and parts[1] == "tests" and parts[2] in FOLDERS and parts[3].endswith(".xml")
            if not wanted or not member.isfile() or not is_ours(parts[3]):
                continue
            file = archive.extractfile(member)
            data = b"" if file is None else file.read()
            if is_of_a_pc(data):
                yield parts[3], data


def is_of_a_pc(data: bytes) -> bool:
    """Whether it is a domain on pc or q35."""
    try:
        root = ET.fromstring(data)
    except ET.ParseError:
        return False
    kind = root.find("os/type")
    if root.tag != "domain" or kind is None or kind.get("arch", "x86_64") not in ("x86_64", "i686"):
        return False
    return kind.get("machine", "pc").startswith(("pc", "q35"))


def main() -> int:
    """The command."""
    suite, folder = sys.argv[1:]
    try:
        number = fetch(suite, Path(folder))
    except FetchError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"{number} domains in {folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
