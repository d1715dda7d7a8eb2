#!/usr/bin/env bash
# Unpacks into DIRECTORY the QEMU, SeaBIOS, OVMF, libvirt and osinfo-db of another Debian with all that these lean on,
# from the mirror that this machine's apt uses. Installs nothing and needs no root; half a gigabyte, about 40 seconds.
#
# Usage: fetch.sh SUITE DIRECTORY
#
# DIRECTORY/root is then that Debian, DIRECTORY/bin has what starts of it: qemu-system-x86_64, python3-libvirt.
set -euo pipefail

suite=$1
here=$(cd "$(dirname "$0")" && pwd)
packages=(qemu-system-x86 qemu-system-modules-opengl qemu-system-modules-spice seabios ovmf
    python3 python3-libvirt libvirt-daemon-driver-qemu osinfo-db)

# shellcheck disable=SC2016 # apt's variables
mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 == "Debian" && $3 == "main" { print $1; exit }')
[ -n "$mirror" ] || { echo "apt knows no mirror of Debian: not Debian, or no apt-get update yet" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# an apt of its own, that knows of no installed package: so each dependency comes along
mkdir -p "$work"/{state/lists/partial,cache/archives/partial}
touch "$work/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$work/sources.list"
options=(-q -y
    -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o "Dir::State=$work/state" -o "Dir::State::Status=$work/status" -o "Dir::Cache=$work/cache"
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Install-Recommends=false -o APT::Sandbox::User=
    -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false) # a mirror may be of some day in the past
for command in update "--download-only install ${packages[*]}"; do
    # shellcheck disable=SC2086 # a list of words
    apt-get "${options[@]}" $command > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
done

rm -rf "$2"
target=$(mkdir -p "$2" && cd "$2" && pwd)
root=$target/root
mkdir -p "$root"/{dev,etc,proc,sys,usr/{bin,lib,lib64,sbin}}
mkdir -p -m 1777 "$root/tmp"
for folder in bin lib lib64 sbin; do
    ln -s "usr/$folder" "$root/$folder"
done
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink --no-same-owner
done
mkdir "$target/bin"
cp "$here"/{qemu-system-x86_64,python3-libvirt} "$target/bin"
