#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints apt's lines for one release of Debian, from the servers that this machine's own apt uses for its
# release, checked by Debian's own keys: sources.sh SUITE. On a machine that is no Debian it is Debian's server.
set -eu

suite=$1
keys=/usr/share/keyrings/debian-archive-keyring.gpg
if [ ! -e "$keys" ]; then
	echo "$keys: there is no such file, which should have the keys of Debian's releases: install debian-archive-keyring" >&2
	exit 1
fi
own=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-sid}") || own=
# Other sources may be made for this release too: where a list is there it says whose it is.
lines=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
	sed -n -e 's/^Debian //' -e 's/^ //' -e "s,^\([a-z]*:[^ ]*\) $own\(\|-updates\|-security\)\$,\1 $suite\2,p" |
	sort -u)
[ -n "$own" ] && [ -n "$lines" ] || lines="http://deb.debian.org/debian/ $suite
http://deb.debian.org/debian/ $suite-updates
http://deb.debian.org/debian-security/ $suite-security"
# No release is without its first line; sid has no other.
[ "$suite" != sid ] || lines=$(echo "$lines" | grep " $suite\$")
echo "$lines" | sed "s|.*|deb [signed-by=$keys] & main|"
