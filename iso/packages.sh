#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes sure that Debian packages are installed: packages.sh NAME...
# Installs what is missing if apt is there and the user may; else prints the command that would.
# packages.sh --update only fetches the package lists.
set -eu

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
fi
if [ "${1:-}" = --update ]; then
	exec $as_root apt-get -qq update
fi

missing=
for package in "$@"; do
	dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
	echo "  APT    $missing"
	log=$(mktemp)
	if { $as_root apt-get update &&
		$as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
		rm -f "$log"
		exit 0
	fi
	tail -n 5 "$log" >&2
fi
echo "packages are missing; install them with: sudo apt-get install$missing" >&2
exit 1
