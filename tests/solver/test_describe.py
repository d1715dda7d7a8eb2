"""A dump of the model is all of the model, in words: every variable has a name of its own, every row is there."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from qslot.schema import Guest
from qslot.schema.formats.files import read_request
from qslot.solver import Options, solve
from qslot.solver.aggregate.items import items_of
from qslot.solver.aggregate.pins import PinConflict
from qslot.solver.cli import qslot
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import Model, build
from qslot.solver.model.describe import describe, expression, variable_names
from qslot.solver.model.linear import LinearModel
from qslot.testing.generator import request

EXAMPLE = Path(__file__).parents[2] / "examples" / "rhel6-q35.yaml"
TERM = re.compile(r"(?:^| )(?:(?P<sign>[+-]) )?(?:(?P<factor>\d+) )?(?P<name>[a-z_0-9]+\([^()]*\)(?:#\d+)?)")


def model_of(guest: Guest) -> Model:
    return build(guest, items_of(guest), Formulation())


def example() -> Guest:
    return read_request(EXAMPLE)[0]


def section(text: str, title: str) -> list[str]:
    """Lines of a section that are no titles."""
    body = text.split(f"\n# {title}")[1].split("\n\n")[0].splitlines()[1:]
    return [line for line in body if not line.startswith("## ")]


def test_a_dump_has_every_variable_and_every_row() -> None:
    model = model_of(example())
    text, linear = describe(model), model.variables.linear
    assert len(section(text, "variables")) == len(linear.ranges)
    assert len(section(text, "rows")) == len(linear.rows)
    assert len(section(text, "kinds of items")) == len(model.variables.items.free)
    assert len(section(text, "bus classes")) == len(model.variables.classes)
    assert [line.split(" = ")[0] for line in section(text, "objective")] == list(model.terms)
    assert "k0: 2 of 1 functions, hotplug required: net0 net1" in text
    assert "c0: root bus, pcie.0" in text


def test_rows_read_back_are_the_rows() -> None:
    """What is written says the same: read as sums again, each row has the same variables and factors."""
    model = model_of(example())
    linear, text = model.variables.linear, describe(model)
    index = {line.rpartition(": ")[0]: number for number, line in enumerate(section(text, "variables"))}
    for line, (variables, factors, _, _) in zip(section(text, "rows"), linear.rows, strict=True):
        found = {
            index[match["name"]]: int(match["factor"] or 1) * (-1 if match["sign"] == "-" else 1)
            for match in TERM.finditer(re.sub(r"^-?\d+ <= ", "", line))
        }
        assert found == dict(zip(variables, factors, strict=True)), line


@pytest.mark.parametrize("seed", range(20))
def test_every_variable_has_a_name_of_its_own(seed: int) -> None:
    try:
        model = model_of(Guest.model_validate(request(seed)))
    except (ValueError, PinConflict):
        return  # no model
    assert all(model.variables.linear.names)
    text = describe(model)
    names = [line.rpartition(": ")[0] for line in section(text, "variables")]
    assert len(set(names)) == len(names)


def test_names_that_repeat_are_numbered() -> None:
    linear = LinearModel()
    for _ in range(2):
        linear.variable(0, 1, "windows", "c1")
    linear.variable(0, 1)
    assert variable_names(linear) == ["windows(c1)", "windows(c1)#2", "x2"]


def test_expressions() -> None:
    assert expression({}, []) == "0"
    assert expression({0: -1, 1: 0}, ["x", "y"], -4) == "- x - 4"


def test_a_search_appends_what_it_solves(tmp_path: Path) -> None:
    file = tmp_path / "model.txt"
    plain = solve(example())
    assert solve(example(), Options(model_file=file)) == plain
    assert file.read_text(encoding="utf-8").count("# variables") == 1
    done = CliRunner().invoke(qslot, ["plan", str(EXAMPLE), "--model-file", str(file)])
    assert done.exit_code == 0, done.output
    assert file.read_text(encoding="utf-8").count("# variables") == 2
