#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds GRUB from Debian's source package for the platform i386-multiboot, which Debian has no
# package for: grub.sh FOLDER. Leaves FOLDER/out/grub-mkimage and FOLDER/out/grub-core. apt keeps
# its state in FOLDER/apt, and uses the machine's sources and keys.
set -eu

folder=$(mkdir -p "$1/apt" && cd "$1" && pwd)
apt=$folder/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/sources"
: >"$apt/status"
for file in /etc/apt/sources.list.d/*.sources; do
	[ ! -e "$file" ] || sed 's/^Types: .*/Types: deb-src/' "$file" >"$apt/sources/${file##*/}"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
	[ ! -e "$file" ] || sed -n 's/^deb /deb-src /p' "$file" >"$apt/sources/${file##*/}.list"
done
cat >"$apt/apt.conf" <<EOF
APT::Sandbox::User "";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$apt/sources";
EOF
export APT_CONFIG="$apt/apt.conf"

# The package source that fails may be one that GRUB does not come from.
apt-get -qq update >"$apt/log" 2>&1 || true
cd "$folder"
rm -rf grub2_* source out
apt-get -q source --download-only grub2 >>"$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
mkdir source out
tar -C source --strip-components=1 -xf grub2_*.orig.tar.xz
cd out
{ ../source/configure --with-platform=multiboot --target=i386 --disable-werror --disable-nls \
	--disable-efiemu --disable-device-mapper --disable-libzfs --disable-grub-mkfont \
	--disable-grub-mount && make -j2; } >log 2>&1 || { tail -n 20 log >&2; exit 1; }
