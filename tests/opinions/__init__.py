"""Second opinions on what the solver answers.

Each module has one function, `opinion(guest, outcome)`: "agree", "n/a: WHY" where it cannot judge, or "DISAGREE: WHAT".
"""
