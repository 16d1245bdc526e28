# SPDX-License-Identifier: MIT
#
# make container: a root file system of Debian 12, or with SUITE=trixie of Debian 13, with every package that
# the other targets would install, for podman, docker or systemd-nspawn. The lists are those of the targets.

CONTAINER := $(BUILD)/container.tar
CONTAINER_PACKAGES = $(sort ca-certificates sudo $(TEST_PACKAGES) $(LINT_PACKAGES) $(FORMAT_PACKAGES) \
	$(GRUB_PACKAGES) $(RUN_PACKAGES) $(GATEWAY_BENCH_PACKAGES) $(CLUSTER_PACKAGES) $(NODE_PACKAGES))

CONTAINER_SUITE = $(if $(filter command% environment%,$(origin SUITE)),$(SUITE),$(firstword $(SUITES)))

.PHONY: container container-packages
container-packages:
	@echo $(CONTAINER_PACKAGES)

# Package lists stay in it: guests are made of packages that are downloaded by name.
container: bed-check ## make a container image of Debian packages that builds, runs and tests Skerry: SUITE=
	$(Q)iso/packages.sh mmdebstrap debian-archive-keyring
	@mkdir -p $(BUILD)
	@echo "  DEBIAN  $(CONTAINER)"
	$(Q)iso/sources.sh $(CONTAINER_SUITE) | mmdebstrap --quiet --variant=apt --skip=cleanup/apt/lists \
		--include='$(CONTAINER_PACKAGES)' --format=tar $(CONTAINER_SUITE) $(CONTAINER).new - && \
		mv $(CONTAINER).new $(CONTAINER)
	@echo 'next:   podman import $(CONTAINER) skerry'
	@echo '        podman run --rm -it -v "$$PWD:/skerry" -w /skerry skerry make test'
