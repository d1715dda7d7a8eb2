"""`python -m qslot` is the command `qslot`."""

from .solver.cli import main

main()
