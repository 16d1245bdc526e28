#!/bin/sh
# SPDX-License-Identifier: MIT
# Another release of Debian on this machine, as a chroot:
#   bed.sh make FOLDER SUITE PACKAGE...   makes FOLDER/root, with these packages in it
#   bed.sh run FOLDER COMMAND...          runs a command in it, in this folder
#   bed.sh check                          says why this machine can have none, and fails
# What is built there is in FOLDER/build and FOLDER/gateway, which are this folder's build and gateway/build there.
# Both take root, or sudo. Each works in mount and process namespaces of its own: what it mounts and starts
# is seen by nobody else, and ends with it, even if it is killed.
set -eu
alone="unshare --mount --propagation private --pid --fork --kill-child --mount-proc"

if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
	echo "a bed takes root, or sudo, for its chroot" >&2
	exit 1
fi
if [ "$1" = check ]; then
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root="sudo -n"
		if ! sudo -n true 2>/dev/null; then
			echo "a bed takes root, or sudo without a password, for its chroot" >&2
			exit 1
		fi
	fi
	if ! command -v apt-get >/dev/null; then
		echo "a bed takes apt, for its packages" >&2
		exit 1
	fi
	# In a container root may have no right to mount.
	if ! $as_root $alone true 2>/dev/null; then
		echo "a bed takes the right to mount in a namespace of its own, which root does not have here" >&2
		exit 1
	fi
	exit 0
fi
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=MAKEFLAGS,CMDLINE,TERM -- "$0" "$@"
what=$1
mkdir -p "$2"
bed=$(cd "$2" && pwd)
shift 2

make_bed() {
	suite=$1
	shift
	rm -rf --one-file-system "$bed/new" && mkdir "$bed/new"
	sources=$(iso/sources.sh "$suite")
	# How this machine gets at its servers is how the bed does.
	apt-config dump | grep -E '^Acquire::(https?|ftp|Retries|Check)' >"$bed/apt.conf" || true
	# Package lists stay in it: guests are made of packages that are downloaded by name. What a loss of
	# power leaves of it is made anew, so no file waits for the disk.
	# shellcheck disable=SC2086
	if ! echo "$sources" | $alone mmdebstrap --verbose --mode=root --variant=apt --format=directory \
		--skip=cleanup/apt/lists --aptopt="$bed/apt.conf" --include="$*" \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		"$suite" "$bed/new" - >"$bed/log" 2>&1; then
		tail -n 20 "$bed/log" >&2
		echo "no bed of $suite: see $bed/log" >&2
		exit 1
	fi
	rm -rf --one-file-system "$bed/root"
	mv "$bed/new" "$bed/root"
}

run_in_bed() {
	mkdir -p "$bed/build" "$bed/gateway" "$bed/root$PWD" gateway/build
	cp -L /etc/resolv.conf /etc/hosts "$bed/root/etc/" 2>/dev/null || true
	# Whom this machine trusts the bed does: npm gets at its registry, behind a proxy with an authority of its own too.
	cp -L /etc/ssl/certs/ca-certificates.crt "$bed/root/etc/ssl/certs/" 2>/dev/null || true
	# Of make's own flags: the pipe of its jobs does not reach in there.
	MAKEFLAGS=$(echo "${MAKEFLAGS:-}" | sed 's/ *--jobserver-[a-z]*=[^ ]*//g')
	export MAKEFLAGS HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	# shellcheck disable=SC2086
	exec $alone sh -euc '
		root=$1/root bed=$1
		shift
		# A mount of its own: in a folder of another mount nobody could make namespaces, as a bed in a bed does.
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs run "$root/run"
		mount --bind "$PWD" "$root$PWD"
		mount --bind "$bed/build" "$root$PWD/build"
		mount --bind "$bed/gateway" "$root$PWD/gateway/build"
		status=0
		chroot "$root" env -C "$PWD" "$@" || status=$?
		exit "$status"
	' sh "$bed" "$@"
}

case $what in
make) make_bed "$@" ;;
run) run_in_bed "$@" ;;
esac
