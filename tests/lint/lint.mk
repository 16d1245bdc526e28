# SPDX-License-Identifier: MIT
#
# Static checks by compilers, a file at a time and only when it has changed: gcc's analyzer and
# clang-tidy (.clang-tidy). Both see the assertions, which state what they could not know.

LINT := $(BUILD)/lint
LINT_PACKAGES := clang-tidy gcc
LINT_SOURCES := $(filter %.c,$(SOURCES))
LINT_CFLAGS = $(filter-out -f%-prefix-map=% $(STACK_USAGE),$(CFLAGS)) -DDEBUG
LINT_CLANG = $(filter-out -mstack-protector-guard=global,$(LINT_CFLAGS))

$(LINT)/%.ok: %.c .clang-tidy $(BUILD)/offsets.h
	@mkdir -p $(@D)
	$(Q)gcc $(LINT_CFLAGS) -fanalyzer -MMD -MP -MF $@.d -MT $@ -c -o $@.o $<
	$(Q)clang-tidy --quiet $< -- $(LINT_CLANG) 2>$@.log >$@.out || { cat $@.out $@.log; exit 1; }
	@touch $@
-include $(LINT_SOURCES:%.c=$(LINT)/%.ok.d)

.PHONY: lint-packages lint-files
lint-packages:
	$(Q)iso/packages.sh $(LINT_PACKAGES)
lint-files: $(LINT_SOURCES:%.c=$(LINT)/%.ok)

# --- for editors ---

# Lines that were changed since BASE, and no others: tables and long messages are laid out by hand.
BASE ?= HEAD
FORMAT_PACKAGES := clang-format git
.PHONY: format
format: ## format the C lines changed since the last commit, or since BASE=
	$(Q)iso/packages.sh $(FORMAT_PACKAGES)
	$(Q)git clang-format --force --extensions c,h $(BASE) || [ $$? = 1 ]

# Without what only gcc knows, or what makes other files besides the object.
compile_commands.json: tests/lint/compile_commands.py Makefile FORCE | $(BUILD)/offsets.h ## the compiler's words for each source, for clangd
	$(Q)$(PYTHON) $< '$(CC) $(filter-out -f%-prefix-map=% -mstack-protector-guard=global $(STACK_USAGE),$(CFLAGS))' \
		$(filter %.c,$(SOURCES)) >$@.new && mv $@.new $@
