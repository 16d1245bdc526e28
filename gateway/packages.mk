# SPDX-License-Identifier: MIT
#
# Debian packages that the gateway and its tests need.

GATEWAY_PACKAGES := gcc make pkg-config libc6-dev libcrypt-dev libmicrohttpd-dev libgnutls28-dev \
	libjansson-dev libseccomp-dev
GATEWAY_TEST_PACKAGES := $(GATEWAY_PACKAGES) libcmocka-dev clang llvm libclang-rt-dev python3-pytest \
	ansible-core build-essential python3-pytest-xdist util-linux debhelper dpkg-dev groff-base libvirt-clients lintian man-db nftables openssl iproute2 \
	ansible-core build-essential python3-pytest-xdist util-linux debhelper dpkg-dev groff-base libvirt-clients lintian man-db msmtp openssl \
	prometheus prometheus-alertmanager prometheus-libvirt-exporter python3-libvirt python3-pexpect python3-sushy redfishtool systemd valgrind \
	virtinst
# for E2B's client; a Node from elsewhere has its npm, and conflicts with Debian's
NODE_PACKAGES := nodejs npm
ifeq ($(shell command -v npm),)
GATEWAY_TEST_PACKAGES += $(NODE_PACKAGES)
endif
# a cluster of Debian's, for gateway/tests/system/test_pacemaker.py: 100 MB that make test does without
CLUSTER_PACKAGES := corosync pacemaker pacemaker-cli-utils resource-agents fence-agents libvirt-clients iproute2 openssl
GATEWAY_BENCH_PACKAGES := $(GATEWAY_PACKAGES) python3 valgrind wrk nginx-light openssl
