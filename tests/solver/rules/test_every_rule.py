"""Each rule about layouts has its trio of requests: where it asks nothing, where it leaves no way, where another."""

import pytest

from qslot.schema.rules import LAYOUT_RULES

from ..ask import NoCase
from . import (
    test_addresses,
    test_capacities,
    test_completeness,
    test_connections,
    test_iommu,
    test_needs,
    test_preset,
    test_previous,
    test_properties,
    test_virtual_functions,
)

MODULES = (
    test_completeness,
    test_addresses,
    test_connections,
    test_iommu,
    test_needs,
    test_preset,
    test_previous,
    test_capacities,
    test_properties,
    test_virtual_functions,
)
CODES = [rule.code for rule in LAYOUT_RULES]


@pytest.mark.parametrize("code", CODES)
def test_rule_has_a_trio(code: str) -> None:
    assert [case for module in MODULES for rule, case in module.TRIOS if rule == code]


def test_each_trio_is_of_a_rule_about_layouts() -> None:
    assert {rule for module in MODULES for rule, _ in module.TRIOS} == set(CODES)


def test_each_rule_is_refused_somewhere() -> None:
    """Whatever leg a single trio cannot have."""
    refused = {
        rule for module in MODULES for (rule, _), trio in module.TRIOS.items() if not isinstance(trio.refused, NoCase)
    }
    assert refused == set(CODES)
