"""A campaign: numbered random guests, each solved without a limit of time and held against every second opinion.

    python -m tests.campaign --first 0 --last 20000 --out FILE [--opinions oracle,addresses,rows,laws]
        [--seconds 60] [--workers 2]
    python -m tests.campaign --summary FILE
    python -m tests.campaign --shrink SEED

FILE has a line of JSON for each seed. Seeds that are in it already are not done again, so that a campaign may be
stopped at any time; several may write to one file. `--seconds` are CPU seconds for each guest's solution: each has a
process of its own, which asks the solver to stop when they are used up, and whatever does not end then is killed.
"""
