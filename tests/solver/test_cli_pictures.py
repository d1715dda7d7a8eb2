"""`--to svg` and `--to html` of plan, show and diff."""

from pathlib import Path

import pytest

import qslot
from qslot.schema.formats.written import to_json

from ..layouts import small_layout
from ..schema.test_placed import ADDRESS, DOMAIN
from .command import run

RHEL6 = Path(__file__).parents[2] / "examples" / "rhel6-q35.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "layout.json"
    path.write_text(to_json(small_layout()))
    return path


@pytest.mark.parametrize(("form", "draw"), [("svg", qslot.svg), ("html", qslot.html)])
def test_the_three_commands_draw_what_python_draws(form: str, draw: object, file: Path, tmp_path: Path) -> None:
    planned = qslot.solve(qslot.read_guest(RHEL6)).require()
    assert run("plan", RHEL6, "--to", form).stdout == draw(planned)  # type: ignore[operator]
    assert run("show", file, "--to", form).stdout == draw(small_layout())  # type: ignore[operator]
    target = tmp_path / "picture"
    done = run("diff", file, file, "--to", form, "-o", target)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "after: " in target.read_text(encoding="utf-8")


def test_a_domain_is_drawn_as_it_is(tmp_path: Path) -> None:
    domain = tmp_path / "domain.xml"
    domain.write_text(DOMAIN)
    assert "enp1s0" in run("show", domain, "--to", "svg").stdout
    domain.write_text(DOMAIN.replace(ADDRESS, ""))
    done = run("show", domain)
    assert done.exit_code == 2
    assert "would sit is not said" in done.stderr


def test_a_picture_and_json_are_two_answers(file: Path) -> None:
    assert run("diff", file, file, "--to", "svg", "--json").exit_code == 2


@pytest.mark.parametrize("suffix", ["svg", "html", "json", "yaml", "argv", "txt"])
def test_a_file_is_written_as_its_suffix_says(suffix: str, file: Path, tmp_path: Path) -> None:
    target = tmp_path / f"out.{suffix}"
    form = "tree" if suffix == "txt" else suffix
    assert run("plan", RHEL6, "-o", target).stdout == ""
    assert target.read_text(encoding="utf-8") == run("plan", RHEL6, "--to", form).stdout
    if suffix != "argv":
        run("show", file, "-o", target)
        assert target.read_text(encoding="utf-8") == run("show", file, "--to", form).stdout
    run("plan", RHEL6, "--to", "tree", "-o", target)
    assert "pcie.0" in target.read_text(encoding="utf-8").splitlines()


def test_changes_are_written_as_the_suffix_says(file: Path, tmp_path: Path) -> None:
    for suffix, options in (("html", ["--to", "html"]), ("svg", ["--to", "svg"]), ("json", ["--json"]), ("txt", [])):
        target = tmp_path / f"out.{suffix}"
        run("diff", file, file, "-o", target)
        assert target.read_text(encoding="utf-8") == run("diff", file, file, *options).stdout


@pytest.mark.parametrize(
    ("call", "suffix", "says"),
    [
        (["plan", str(RHEL6)], "toml", "nothing is written as .toml: --to says as what (tree, svg,"),
        (["plan", str(RHEL6)], "png", "nothing is written as .png: --to says as what (tree, svg,"),
        (["plan", str(RHEL6)], "xml", "--to libvirt gives back the domain XML that GUEST is, but this is none"),
        (["show", "FILE"], "xml", "nothing is written as .xml: --to says as what (tree, svg, html, json, yaml)"),
        (["diff", "FILE", "FILE"], "yaml", "nothing is written as .yaml: --to says as what (svg, html, json)"),
    ],
)
def test_a_suffix_that_cannot_be(call: list[str], suffix: str, says: str, file: Path, tmp_path: Path) -> None:
    target = tmp_path / f"out.{suffix}"
    done = run(*(file if word == "FILE" else word for word in call), "-o", target)
    assert done.exit_code == 2
    assert says in " ".join(done.stderr.split())
    assert not target.exists()
