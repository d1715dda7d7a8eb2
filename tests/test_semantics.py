"""docs/semantics.md has a section a rule, in their order, and every example in it is what the page says of it."""

import re

import pytest

from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.rules import LAYOUT_RULES, RULES, STATEMENT_RULES, WARNING_RULES

from .semantics import PAGE, Example, examples, hold, sections

EXAMPLES = list(examples())
MEASURED = re.compile(r"\bmeasured:\s+(tests/real/\w+\.py)")


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{n}, {one.rule}" for n, one in enumerate(EXAMPLES)])
def test_example(example: Example) -> None:
    hold(example)


def test_each_rule_has_its_section() -> None:
    assert [heading for heading in sections() if heading in RULES] == list(RULES)


@pytest.mark.parametrize("code", [rule.code for rule in (*LAYOUT_RULES, *STATEMENT_RULES)])
def test_an_example_allowed_and_one_refused(code: str) -> None:
    verdicts = [one.verdict.split(",")[0].split()[0] for one in EXAMPLES if one.rule == code]
    assert {*verdicts} == {"Allowed", "Refused"}


@pytest.mark.parametrize("code", [rule.code for rule in WARNING_RULES])
def test_an_example_of_each_warning(code: str) -> None:
    assert [one.verdict for one in EXAMPLES if one.rule == code] == ["Warned of"]


def test_every_block_is_an_example() -> None:
    assert PAGE.read_text(encoding="utf-8").count("```yaml") == len(EXAMPLES)


def test_the_figure_has_every_controller() -> None:
    figure = sections()["A q35 tree"]
    assert all(name in figure for name in CONTROLLERS)


def test_what_is_measured_says_where() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all((PAGE.parents[1] / path).is_file() for path in MEASURED.findall(text))
    assert len(re.findall(r"\bmeasured\b", text)) == len(MEASURED.findall(text))


def test_links_within_the_page_lead_somewhere() -> None:
    text = PAGE.read_text(encoding="utf-8")
    anchors = {heading.lower().replace(" ", "-") for heading in sections()}
    assert {*re.findall(r"\]\(#([^)]*)\)", text)} <= anchors


def test_no_line_is_too_long() -> None:
    assert [line for line in PAGE.read_text(encoding="utf-8").splitlines() if len(line) > 140] == []
