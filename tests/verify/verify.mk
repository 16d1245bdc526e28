# SPDX-License-Identifier: MIT
#
# make verify: docs/verification.md says what is proved, and under which conditions.

# Debian 12 has Frama-C and no CBMC, Debian 13 has CBMC and no Frama-C: verify.py says what it skips.
VERIFY_PACKAGES_bookworm := frama-c-base spin gcc libc6-dev
VERIFY_PACKAGES_trixie := cbmc spin gcc libc6-dev
VERIFY_PACKAGES = $(VERIFY_PACKAGES_$(if $(filter trixie,$(HOST_SUITE)),trixie,bookworm))
VERIFY = $(PYTHON) tests/verify/verify.py --build $(BUILD)/verify $(if $(MUTANTS),--mutants) $(if $(QUICK),--quick) $(if $(RECORD),--record)

.PHONY: verify
verify: ## proofs (Frama-C in Debian 12, CBMC in Debian 13) and models of the cross-CPU protocols (Spin): TARGET=name, QUICK=1: a part of them, MUTANTS=1: do they notice mistakes
	$(Q)$(VERIFY) --check $(TARGET)
	$(Q)iso/packages.sh $(VERIFY_PACKAGES)
	$(Q)$(VERIFY) $(TARGET)
	$(if $(MUTANTS),$(Q)$(PYTHON) tests/model/mutants.py --build $(BUILD)/verify $(TARGET))
