"""Guests and layouts as files, as QEMU arguments, and as text that people read."""
