"""`python -m qslot.solver` is the command `qslot`."""

from .cli import main

if __name__ == "__main__":
    main()
