# SPDX-License-Identifier: MIT
#
# make container: a root file system of Debian 12 with every package that the other targets would
# install, for podman, docker or systemd-nspawn. The lists are those of the targets themselves.

CONTAINER := $(BUILD)/container.tar
CONTAINER_PACKAGES = $(sort ca-certificates sudo $(TEST_PACKAGES) $(LINT_PACKAGES) $(FORMAT_PACKAGES) \
	$(GRUB_PACKAGES) $(GATEWAY_BENCH_PACKAGES))

.PHONY: container container-packages
container-packages:
	@echo $(CONTAINER_PACKAGES)

# Package lists stay in it: guests are made of packages that are downloaded by name.
container: ## make a container image of Debian packages that builds, runs and tests Skerry
	$(Q)iso/packages.sh mmdebstrap
	@mkdir -p $(BUILD)
	@echo "  DEBIAN  $(CONTAINER)"
	$(Q)mmdebstrap --quiet --variant=apt --skip=cleanup/apt/lists \
		--include='$(CONTAINER_PACKAGES)' --format=tar bookworm $(CONTAINER).new && \
		mv $(CONTAINER).new $(CONTAINER)
	@echo 'next:   podman import $(CONTAINER) skerry'
	@echo '        podman run --rm -it -v "$$PWD:/skerry" -w /skerry skerry make test'
