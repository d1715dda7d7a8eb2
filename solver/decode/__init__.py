"""Counts -> layout: which device sits where, and what QEMU is told of it."""
