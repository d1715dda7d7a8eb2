"""`qslot rules`, `--version` and what shells complete."""

import json
import tomllib
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

import qslot
from qslot.schema.formats.written import to_json
from qslot.schema.meanings import MENDS, PREFERENCES, meaning
from qslot.solver.cli import qslot as command

from ..layouts import small_layout
from ..schema.test_placed import DOMAIN
from .command import run

ROOT = Path(__file__).parents[2]
CODES = [*qslot.RULES, *qslot.WEIGHTS]
RHEL6 = str(ROOT / "examples" / "rhel6-q35.yaml")


class TestRules:
    def test_every_code_says_what_it_means_and_what_to_do(self) -> None:
        assert {*MENDS} == {*qslot.RULES, *qslot.WEIGHTS}
        assert {*PREFERENCES} == {*qslot.WEIGHTS}
        for code in MENDS:
            one = meaning(code)
            assert one.text, code
            assert one.mend.endswith("."), code
            printed = run("rules", code).stdout
            assert "](" not in printed
            assert "```" not in printed
            assert printed.startswith(f"{code}: ")

    def test_a_rule_comes_with_examples(self) -> None:
        printed = run("rules", "io-space").stdout
        assert "Allowed" in printed
        assert ":\n\n    machine: " in printed
        assert "What to do: Put what has IO ports" in printed
        assert printed.endswith(f"Source: {qslot.RULES['io-space'].source}.\n")

    def test_the_list_has_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "70")
        printed = run("rules").stdout
        assert max(map(len, printed.splitlines())) <= 70
        first = [line.split()[0] for line in printed.splitlines() if line.startswith("  ") and line[2] != " "]
        assert first == CODES

    def test_as_json(self) -> None:
        assert [one["code"] for one in json.loads(run("rules", "--json").stdout)] == CODES
        assert json.loads(run("rules", "switch", "--json").stdout)["kind"] == "preference"

    def test_a_code_that_nobody_has(self) -> None:
        done = run("rules", "iospace")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "nearest: io-space" in done.stderr

    def test_packages_carry_the_page(self) -> None:
        data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        assert "semantics.md" in data["tool"]["setuptools"]["package-data"]["*"]


def test_version_says_what_a_report_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    printed = run("--version").stdout
    assert printed.startswith(f"qslot {qslot.__version__}\nOR-Tools ")
    assert "Python 3." in printed
    assert "QEMU: qemu-system-x86_64 can't be started" in printed


def completed(*words: str) -> list[str]:
    """What a shell offers for the last word."""
    *before, begun = words
    found = BashComplete(command, {}, "qslot", "_QSLOT_COMPLETE").get_completions(before, begun)
    return [one.value for one in found]


def test_shells_complete_words_of_every_kind(tmp_path: Path) -> None:
    layout, domain = tmp_path / "layout.json", tmp_path / "domain.xml"
    layout.write_text(to_json(small_layout()))
    domain.write_text(DOMAIN)
    assert "virtio-net" in completed("catalog", "virtio-n")
    assert "nvme" in completed("capacity", str(layout), "--model", "nv")
    assert completed("rules", "io-") == ["io-space"]
    assert "win10" in completed("plan", RHEL6, "--os", "win1")
    assert completed("explain", RHEL6, "net") == ["net0", "net1"]
    assert completed("hotplug", str(layout), "--unplug", "net") == ["net0", "net1", "net2"]
    assert len(completed("explain", str(domain), "")) == 1
    assert completed("explain", "/nonexistent.yaml", "n") == []
    assert completed("show", "lay") == ["lay"]  # a file, which the shell looks for itself
