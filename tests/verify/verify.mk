# SPDX-License-Identifier: MIT
#
# make verify: docs/verification.md says what is proved, and under which conditions.

VERIFY_PACKAGES := frama-c-base spin gcc libc6-dev
VERIFY = $(PYTHON) tests/verify/verify.py --build $(BUILD)/verify $(if $(MUTANTS),--mutants)

.PHONY: verify
verify: ## proofs (Frama-C) and models of the cross-CPU protocols (Spin): TARGET=name, MUTANTS=1: do they notice mistakes
	$(Q)$(VERIFY) --check $(TARGET)
	@$(if $(filter trixie,$(HOST_SUITE)),echo "verify: Debian 13 has no Frama-C; make verify BED=bookworm has" >&2; exit 1)
	$(Q)iso/packages.sh $(VERIFY_PACKAGES)
	$(Q)$(VERIFY) $(TARGET)
	$(if $(MUTANTS),$(Q)$(PYTHON) tests/model/mutants.py --build $(BUILD)/verify $(TARGET))
