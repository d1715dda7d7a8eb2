"""The guest that tests boot: a Debian kernel and an initramfs with busybox, udev and a script, no disk."""

import gzip
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGES: Final = Path(__file__).parents[3] / ".linux"
"""What `make .linux/fetched` unpacks."""

RULES: Final = ("75-net-description.rules", "80-net-setup-link.rules")
"""udev's rules that name interfaces."""


@dataclass(frozen=True)
class Boot:
    """What QEMU is given directly, in place of a disk."""

    kernel: Path
    initramfs: Path

    @property
    def version(self) -> str:
        return self.kernel.name.removeprefix("vmlinuz-")

    def arguments(self, *words: str) -> tuple[str, ...]:
        """QEMU's, with those words more on the kernel's command line."""
        told = " ".join(("console=ttyS0 quiet panic=-1 reboot=t", *words))
        return ("-kernel", str(self.kernel), "-initrd", str(self.initramfs), "-append", told)


def build(into: Path) -> Boot:
    """Raises FileNotFoundError where the packages have not been fetched."""
    kernel = next((PACKAGES / "boot").glob("vmlinuz-*"), None)
    if kernel is None:
        raise FileNotFoundError("no Linux kernel to boot: `make .linux/fetched` gets it, on Debian")
    root = into / "root"
    _fill(root, kernel.name.removeprefix("vmlinuz-"))
    files = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    archive = subprocess.run(
        [root / "bin/busybox", "cpio", "-o", "-H", "newc"],
        input=files.encode(),
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout
    result = into / "initramfs.gz"
    result.write_bytes(gzip.compress(archive, 1))
    return Boot(kernel, result)


def _fill(root: Path, version: str) -> None:
    for name in ("bin", "dev", "lib/systemd", "lib/udev/rules.d", "lib64", "proc", "run", "sbin", "sys", "etc"):
        (root / name).mkdir(parents=True)
    for name in ("bin/busybox", "bin/udevadm"):
        shutil.copy(PACKAGES / name, root / name)
    for library in _libraries(PACKAGES / "bin/udevadm"):
        # the dynamic loader has its place; all others are found by LD_LIBRARY_PATH
        shutil.copy(library, root / ("lib64" if library.name.startswith("ld-") else "lib"))
    (root / "lib/systemd/systemd-udevd").symlink_to("/bin/udevadm")
    for name in RULES:
        shutil.copy(PACKAGES / "lib/udev/rules.d" / name, root / "lib/udev/rules.d")
    shutil.copytree(PACKAGES / "lib/systemd/network", root / "lib/systemd/network")
    shutil.copytree(PACKAGES / "lib/modules", root / "lib/modules")
    subprocess.run([root / "bin/busybox", "depmod", "-b", root, version], check=True)
    shutil.copy(Path(__file__).with_name("init"), root / "init")
    os.chmod(root / "init", 0o755)


def _libraries(program: Path) -> list[Path]:
    """Of the machine that runs the tests, which is a Debian as well."""
    lines = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines()
    missing = [line.split()[0] for line in lines if "not found" in line]
    if missing:
        raise FileNotFoundError(f"udev needs {', '.join(missing)}")
    return [Path(word) for line in lines for word in line.split() if word.startswith("/")]
