# SPDX-License-Identifier: MIT
#
# make bed SUITE=trixie: another release of Debian under build/beds, as a chroot that has what the tests
# need. With BED=trixie every goal of make happens in it (see the Makefile's first lines): same sources,
# and build/beds/trixie/build is its build/. It is kept; `make bed SUITE=trixie NEW=1` makes it anew.

SUITES := bookworm trixie
HOST_SUITE := $(shell . /etc/os-release && echo $$VERSION_CODENAME)
BED_FOLDER := $(BUILD)/beds
OTHER_SUITE := $(if $(filter $(HOST_SUITE),$(SUITES)),$(filter-out $(HOST_SUITE),$(SUITES)))
# Where make test runs what differs: BEDS= names them. By itself the whole set takes Debian 13 where this machine is
# Debian 12 and has made that chroot; ONLY=bed takes the other one of the two, if this machine is one.
BEDS ?= $(if $(filter bed,$(ONLY)),$(OTHER_SUITE),$(if $(ONLY)$(NAME),,$(filter trixie,$(OTHER_SUITE))))
# Whether somebody asked for them, so that it is a failure where they cannot be had.
BEDS_ASKED = $(if $(filter-out file,$(origin BEDS))$(filter bed,$(ONLY)),yes)
SUITE ?= $(firstword $(filter-out $(HOST_SUITE),$(SUITES)))

.PHONY: bed bed-check
bed-check:
	@$(if $(filter $(SUITE),$(SUITES)),,echo "SUITE=$(SUITE) is not possible; use one of $(SUITES)" >&2; exit 1)

bed: bed-check $(BED_FOLDER)/$(SUITE)/made ## make a chroot of the other Debian for BED=: SUITE=bookworm|trixie NEW=1
	@:

# mmdebstrap of its own release; the keys of both are in either's package.
$(BED_FOLDER)/%/made: $(if $(NEW),FORCE)
	$(Q)iso/packages.sh mmdebstrap debian-archive-keyring util-linux
	@echo "  DEBIAN  $(@D)"
	$(Q)iso/bed.sh make $(@D) $* $(sort ca-certificates $(TEST_PACKAGES) $(VERIFY_PACKAGES_$*))
	$(Q)touch $@
