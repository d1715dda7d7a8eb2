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
