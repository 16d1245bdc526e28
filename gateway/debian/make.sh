#!/bin/sh
# SPDX-License-Identifier: MIT
# make.sh OUT, from the top of the tree: the packages skerryd and skerryctl, in OUT.
# They are built by dpkg-buildpackage in a copy that has nothing but the gateway's sources.
set -eu

out=$(mkdir -p "$1" && cd "$1" && pwd)
version=$(dpkg-parsechangelog -l gateway/debian/changelog -S Version)
shown=$(sed -n 's/.*SKERRY_VERSION "\(.*\)"/\1/p' kernel/abi/version.h)
if [ "$version" != "$shown" ]; then
	echo "gateway/debian/changelog: found version $version, allowed: $shown, as in kernel/abi/version.h" >&2
	exit 1
fi
tree=$out/tree
rm -rf "$tree" "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo
mkdir -p "$tree/kernel/abi"
cp kernel/abi/version.h "$tree/kernel/abi/"
cp LICENSE "$tree/"
tar -c --exclude=node_modules --exclude=__pycache__ --exclude=./build --exclude=./debian -C gateway . |
	tar -x --one-top-level="$tree/gateway"
cp -r gateway/debian "$tree/debian"
rm "$tree/debian/make.sh"
# The same sources give the same bytes, wherever the tree lies.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l gateway/debian/changelog -S Timestamp)
export SOURCE_DATE_EPOCH
cd "$tree"
MAKEFLAGS='' dpkg-buildpackage -b -us -uc -j2 >"$out/log" 2>&1 || {
	tail -n 40 "$out/log" >&2
	exit 1
}
ls "$out"/*.deb
