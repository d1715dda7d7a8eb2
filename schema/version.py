"""qslot's version. It stands here, as to load what reads the metadata of packages takes as long as Python's start."""

__version__ = "0.1.0"
