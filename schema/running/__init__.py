"""A QEMU that runs, asked over its monitor and read as a request: what its objects say, whether or not its firmware has
enumerated."""

from .read import guest_data as guest_data
