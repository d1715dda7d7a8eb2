"""A sample of `python -m tests.disabled`: a rule that encoder or checker forget is noticed, and no edit is stale."""

import pytest

from qslot.schema.rules import LAYOUT_RULES, STATEMENT_RULES

from ..disabled.caught import failing_case, failing_trio
from ..disabled.edited import Edit, edited
from ..disabled.encoder import FORGOTTEN

SAMPLE = ("complete", "reserve", "slot-sharing", "hotplug", "max-controllers")


@pytest.mark.parametrize("rule", SAMPLE)
def test_an_encoder_that_forgets_a_rule_is_caught(rule: str) -> None:
    assert failing_trio(rule)


@pytest.mark.parametrize("rule", FORGOTTEN)
def test_a_checker_that_forgets_a_rule_is_caught(rule: str) -> None:
    assert failing_case(rule)


def test_each_rule_that_layouts_keep_is_forgotten() -> None:
    assert list(FORGOTTEN) == [rule.code for rule in (*LAYOUT_RULES, *STATEMENT_RULES)]


@pytest.mark.parametrize("rule", FORGOTTEN)
def test_what_is_edited_is_still_there(rule: str) -> None:
    """Raises where the text to edit is gone."""
    with edited(FORGOTTEN[rule]):
        pass
    assert all(edit.old != edit.new for edit in FORGOTTEN[rule])


def test_an_edit_ends_with_its_block() -> None:
    from qslot.solver.model.slots import slots_suffice

    before = slots_suffice.__code__
    with edited(FORGOTTEN["slot-sharing"]):
        assert slots_suffice.__code__ is not before
    assert slots_suffice.__code__ is before


def test_a_stale_edit_is_told() -> None:
    stale = Edit("solver/model/variables.py: packed_as", "not in it", "")
    with pytest.raises(ValueError, match="'not in it' is there 0 times"), edited((stale,)):
        pass
