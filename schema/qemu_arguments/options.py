"""QEMU's options: which take no value, and which leave the PCI layout alone. Source: `-help` of QEMU 7.2."""

from typing import Final

VALUELESS: Final = frozenset({
    "S", "alt-grab", "async-teardown", "audio-help", "ctrl-grab", "curses", "daemonize", "enable-fips", "enable-kvm",
    "enable-sync-profile", "full-screen", "h", "help", "mem-prealloc", "no-acpi", "no-fd-bootchk", "no-frame",
    "no-hpet", "no-kvm", "no-quit", "no-reboot", "no-shutdown", "no-user-config", "nodefaults", "nographic",
    "only-migratable", "portrait", "preconfig", "s", "sdl", "semihosting", "singlestep", "snapshot", "usb", "version",
    "win2k-hack", "xen-attach", "xen-domid-restrict",
})  # fmt: skip
"""Options without a value."""

HARMLESS: Final = frozenset({
    "D", "L", "S", "accel", "acpitable", "action", "add-fd", "alt-grab", "append", "async-teardown", "audio-help",
    "audiodev", "blockdev", "boot", "cdrom", "chardev", "chroot", "compat", "ctrl-grab", "curses", "d", "daemonize",
    "debugcon", "dfilter", "display", "dtb", "dump-vmstate", "echr", "enable-fips", "enable-kvm",
    "enable-sync-profile", "fda", "fdb", "fsdev", "full-screen", "gdb", "h", "hda", "hdb", "hdc", "hdd", "help",
    "icount", "id", "incoming", "initrd", "iscsi", "k", "kernel", "loadvm", "mem-path", "mem-prealloc", "mon",
    "monitor", "msg", "mtdblock", "name", "netdev", "no-fd-bootchk", "no-frame", "no-hpet", "no-kvm", "no-quit",
    "no-reboot", "no-shutdown", "no-user-config", "nodefaults", "nographic", "numa", "object", "only-migratable",
    "overcommit", "parallel", "pidfile", "plugin", "portrait", "preconfig", "qmp", "qmp-pretty", "qtest", "qtest-log",
    "rotate", "rtc", "run-with", "runas", "s", "sandbox", "sd", "sdl", "seed", "semihosting", "semihosting-config",
    "serial", "singlestep", "smbios", "smp", "snapshot", "spice", "tb-size", "tpmdev", "trace", "uuid", "version",
    "vnc", "watchdog-action", "win2k-hack", "xen-attach", "xen-domid", "xen-domid-restrict",
})  # fmt: skip
"""Options that bring no PCI function and change none: backends, consoles, drives of the chipset's own controllers.
`-id` is Proxmox's."""

HARMLESS_OF_MACHINE: Final = frozenset({
    "accel", "boot", "confidential-guest-support", "dump-guest-core", "firmware", "fd-bootchk", "graphics", "hmat",
    "hpet", "i8042", "kernel-irqchip", "kernel_irqchip", "kvm-shadow-mem", "kvm-type", "mem-merge", "memory-backend",
    "memory-encryption", "nvdimm", "nvdimm-persistence", "pcspk-audiodev", "pflash0", "pflash1", "phandle-start", "pit",
    "rtc", "sgx-epc", "smbios-entry-point-type", "smm", "smp", "suppress-vmdesc", "type", "vmport",
})  # fmt: skip
"""The same of parts of `-machine`."""

HARMLESS_OF_CHIPSET: Final = frozenset({
    "disable_s3", "disable_s4", "s4_val", "enable_tco", "noreboot", "extended-tseg-mbytes", "smbase-smram",
    "cpu-hotplug-legacy", "memory-hotplug-support", "smm-compat", "smm-enabled", "x-not-migrate-acpi-index",
    "x-smi-broadcast", "x-smi-cpu-hotplug", "x-smi-cpu-hotunplug", "x-config-reg-migration-enabled", "short_root_bus",
})  # fmt: skip
"""The same of `-global` of the chipset's own functions and of the host bridges."""
