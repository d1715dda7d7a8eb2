"""What docs/model.md states of its worked example is what the code builds."""

import re
from pathlib import Path

from qslot.schema.formats.files import read_request
from qslot.solver.aggregate.items import items_of
from qslot.solver.model.build import Model, build
from qslot.solver.model.describe import describe
from qslot.solver.search.bounds import bounds
from qslot.solver.search.formulations import series

from .ask import planned

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
GUEST = read_request(ROOT / "examples" / "rhel6-q35.yaml")[0]


def models() -> list[Model]:
    items = items_of(GUEST)
    return [build(GUEST, items, one) for formulations in series(GUEST, items) for one in formulations]


def test_sizes_of_the_example() -> None:
    table = PAGE.split("| formulation | kinds |")[1].split("\n\n")[0].splitlines()[2:]
    stated = [[int(cell) for cell in row.split("|")[2:-1]] for row in table]
    assert stated == [
        [
            len(model.variables.items.free),
            len(model.variables.classes),
            len(model.variables.options),
            len(model.variables.linear.ranges),
            len(model.variables.linear.rows),
            sum(len(variables) for variables, *_ in model.variables.linear.rows),
        ]
        for model in models()
    ]


def test_the_table_has_the_options_of_the_first_model() -> None:
    v = models()[0].variables
    kinds = {kind: f"k{number}" for number, kind in enumerate(v.items.free)}
    classes = {bus: f"c{number}" for number, bus in enumerate(v.classes)}
    head, _, *rows = re.findall(r"^\| .*c0: pcie\.0 .*\n(?:\|.*\n)+", PAGE, re.MULTILINE)[0].splitlines()
    named = [cell.strip() for cell in head.split("|")[2:-1]]
    assert [name.split(":")[0] for name in named] == [*classes.values()]
    assert [name.partition(", on ")[2] for name in named] == [
        " or ".join(classes[host] for host in bus.above) for bus in v.classes
    ]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    drawn = {
        (row.split(":")[0], column)
        for row, *options in cells
        for column, option in zip(classes.values(), options, strict=True)
        if option
    }
    assert drawn == {(kinds[option.kind], classes[option.bus]) for option in v.options}
    assert len(v.options) == len(drawn)
    for (kind, items), (name, *_) in zip(v.items.free.items(), cells, strict=True):
        ids = ", ".join(one for item in items for one in item.ids) or f"{len(items)} spare pci slots"
        assert name == f"{kinds[kind]}: {ids}"


def test_the_example_is_solved_at_its_bounds() -> None:
    least = bounds(models()[0])
    assert ", ".join(f"{term} {value}" for term, value in least.items()) in PAGE
    layout = planned(GUEST)
    assert {one.term: one.value for one in layout.objective if one.term in least} == least


def test_variables_are_called_as_the_page_says() -> None:
    stated = set(re.findall(r"`(\w+)`", PAGE.split("| | name | range |")[1].split("\n\n")[0]))
    names = {
        line.split("(")[0]
        for model in models()
        for line in describe(model).split("\n# variables")[1].split("\n\n")[0].splitlines()
    }
    assert stated - names <= {"shared_slots"}, "only the whole model shares slots"
