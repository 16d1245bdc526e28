#!/bin/sh
# SPDX-License-Identifier: MIT
# Downloads and unpacks, without installing, Debian packages of any architecture:
# foreign.sh FOLDER ARCHITECTURE PACKAGE... . apt keeps its state in FOLDER/apt, and uses the
# machine's sources and keys. A kernel's metapackage stands for its first dependency.
set -eu

folder=$(mkdir -p "$1/apt" && cd "$1" && pwd)
architecture=$2
shift 2
apt=$folder/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
cat >"$apt/apt.conf" <<EOF
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Dir::State "$apt/state";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
EOF
export APT_CONFIG="$apt/apt.conf"

# The package source that fails may be one that these packages do not come from.
apt-get -qq update >"$apt/log" 2>&1 || true
names=
for package in "$@"; do
	case $package in
	linux-image-*)
		package=$(apt-cache depends "$package" |
			sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1) ;;
	esac
	names="$names $package"
done
cd "$folder"
rm -rf ./*.deb root
# shellcheck disable=SC2086
apt-get -q download $names >>"$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
for deb in ./*.deb; do
	dpkg-deb -x "$deb" root
done
