#!/bin/sh
# SPDX-License-Identifier: MIT
# Downloads and unpacks, without installing, packages of any release of Debian and any architecture:
#   fetch.sh FOLDER SUITE ARCHITECTURE PACKAGE...
# FOLDER/debs has the packages, FOLDER/root what is in them, FOLDER/kernel the kernel's name and version if
# there is one. A kernel's metapackage stands for the packages of the kernel. apt keeps its state in a folder
# beside FOLDER, apt/SUITE-ARCHITECTURE, and uses this machine's servers (sources.sh) and Debian's keys.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
suite=$2 architecture=$3
shift 3
apt=$(mkdir -p "$folder/../apt/$suite-$architecture" && cd "$folder/../apt/$suite-$architecture" && pwd)
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/none"
: >"$apt/status"
# Another fetch may be at it: lists and the cache of packages are for one at a time.
exec 9>"$apt/lock"
flock 9
"$here/sources.sh" "$suite" >"$apt/sources.list"
cat >"$apt/apt.conf" <<EOF
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "$apt/none/preferences";
Dir::Etc::preferencesparts "$apt/none";
Acquire::Check-Valid-Until "false";
EOF
export APT_CONFIG="$apt/apt.conf"

# The package source that fails may be one that these packages do not come from.
apt-get -qq update >"$apt/log" 2>&1 || true
# A kernel's parts: what it depends on that has a version in its name, and what that depends on.
parts() {
	for part in $(apt-cache depends "$1" | sed -n 's/.*Depends: \(linux-[a-z]*-[0-9].*\)/\1/p'); do
		echo "$part"
		parts "$part"
	done
}
names=
for package in "$@"; do
	case $package in
	linux-image-*) names="$names $(parts "$package" | sort -u)" ;;
	*) names="$names $package" ;;
	esac
done
rm -rf "$folder/debs" "$folder/root"
mkdir "$folder/debs" "$folder/root"
cd "$folder/debs"
# shellcheck disable=SC2086
apt-get -q download $names >>"$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
# Since Debian 13 packages have in usr what was in bin and lib before: it is in both.
for place in bin lib lib64 sbin; do
	mkdir -p "$folder/root/usr/$place"
	ln -s "usr/$place" "$folder/root/$place"
done
for deb in ./*.deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$folder/root"
done
# And a kernel has its modules compressed.
find "$folder/root" -path '*/lib/modules/*' -name '*.ko.xz' -exec xz -d {} +
kernel=$(ls linux-image-*.deb 2>/dev/null | head -n 1)
[ -z "$kernel" ] || echo "${kernel%.deb}" >"$folder/kernel-version"
