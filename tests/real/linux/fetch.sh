#!/usr/bin/env bash
# Unpacks into DIRECTORY what a guest is made of, from Debian's packages: kernel, busybox, udev. Installs nothing: udev
# and a kernel do not belong on the machine that runs the tests.
#
# Usage: fetch.sh DIRECTORY
set -euo pipefail

rm -rf "$1"
target=$(mkdir -p "$1" && cd "$1" && pwd)
kernel=$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
[ -n "$kernel" ] || { echo "apt knows no linux-image-amd64: not Debian, or no apt-get update yet" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -q download "$kernel" busybox-static udev
for package in busybox-static udev; do
    dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x -C "$target"
done
# of the kernel's 400 MB only the drivers of QEMU's network cards and of virtio, with what these stand on
# nvme and what it stands on: for its virtual functions
modules=(8139cp 8139too 8390 e100 e1000 e1000e failover i2c-algo-bit dca igb mii ne2k-pci net_failover pcnet32 tulip
    nvme nvme-core t10-pi crc-t10dif crct10dif_common crct10dif_generic crc64 crc64-rocksoft crc64_rocksoft_generic
    virtio virtio_balloon virtio_blk virtio_net virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev virtio_ring vmxnet3)
dpkg-deb --fsys-tarfile "$kernel"_*.deb | tar -x -C "$target" --no-anchored --wildcards 'boot/vmlinuz-*' \
    'lib/modules/*/modules.*' "${modules[@]/%/.ko}"
