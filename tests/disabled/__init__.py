"""Whether our own tests bite: each rule disabled, once in the encoder and once in the checker, and who notices.

    python -m tests.disabled              every rule, half a minute; exit code 1 if one is missed
    python -m tests.disabled pin shpc     these

In the encoder a rule is disabled by an edit of the functions that keep it (`tests/disabled/encoder.py`), made in this
process for as long as it takes; the trios of that rule in `tests/solver/rules/` must then fail. In the checker its
check is left out; its cases in `tests/schema/broken.py` must then be missed. Without the edit all of them hold.
"""
