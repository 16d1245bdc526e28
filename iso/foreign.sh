#!/bin/sh
# SPDX-License-Identifier: MIT
# Downloads and unpacks, without installing, Debian packages of any architecture:
# foreign.sh FOLDER ARCHITECTURE PACKAGE... . apt keeps its state in FOLDER/apt, and uses the
# machine's sources and keys; with SUITE=NAME in the environment it uses that release of Debian from
# the same servers. A kernel's metapackage stands for the packages of the kernel.
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
if [ -n "${SUITE:-}" ]; then
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u |
		sed "s|.*|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] & $SUITE main|" \
			>"$apt/sources.list"
	cat >>"$apt/apt.conf" <<EOF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Check-Valid-Until "false";
EOF
fi
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
cd "$folder"
rm -rf ./*.deb root
# shellcheck disable=SC2086
apt-get -q download $names >>"$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
for deb in ./*.deb; do
	dpkg-deb -x "$deb" root
done
