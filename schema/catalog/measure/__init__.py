"""Measures the catalogue on a real QEMU."""
