"""One real QEMU: started, asked over its monitor, ended. Starting one needs the optional package qemu.qmp."""
