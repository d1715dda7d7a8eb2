"""docs/rules.md is the list of rules; written anew with QSLOT_UPDATE=1."""

import os
from pathlib import Path

from qslot.schema.rules import RULES, page
from qslot.schema.verify import CHECKS
from qslot.schema.verify.environment import ENVIRONMENT_CHECKS as ENVIRONMENT_CHECKS

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"


def test_page() -> None:
    if os.environ.get("QSLOT_UPDATE") == "1":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_rule_is_there_and_checked() -> None:
    assert all(f"## {code}\n" in page() for code in RULES)
    assert {*CHECKS, *ENVIRONMENT_CHECKS, "machine-needs"} == set(RULES)
