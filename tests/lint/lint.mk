# SPDX-License-Identifier: MIT
#
# Static checks by compilers, a file at a time and only when it has changed: gcc's analyzer and
# clang-tidy (.clang-tidy). Both see the assertions, which state what they could not know.

LINT := $(BUILD)/lint
LINT_PACKAGES := clang-tidy clang-format gcc
LINT_SOURCES := $(filter %.c,$(SOURCES))
LINT_CFLAGS = $(filter-out -f%-prefix-map=% $(STACK_USAGE),$(CFLAGS)) -DDEBUG
LINT_CLANG = $(filter-out -mstack-protector-guard=global,$(LINT_CFLAGS))

$(LINT)/%.ok: %.c .clang-tidy $(BUILD)/offsets.h
	@mkdir -p $(@D)
	$(Q)gcc $(LINT_CFLAGS) -fanalyzer -MMD -MP -MF $@.d -MT $@ -c -o $@.o $<
	$(Q)clang-tidy --quiet $< -- $(LINT_CLANG) 2>$@.log >$@.out || { cat $@.out $@.log; exit 1; }
	@touch $@
-include $(LINT_SOURCES:%.c=$(LINT)/%.ok.d)

# The layout is what one version of clang-format makes of it (.clang-format): others differ in details.
# Tables that are laid out by hand stand between `clang-format off` and `clang-format on`.
FORMAT_VERSION := 14
FORMAT_FILES = $(shell find boot kernel arch mm vmm lib tests iso gateway -name build -prune -o \
	-name node_modules -prune -o -name '*.[ch]' -print)

.PHONY: lint-packages lint-files lint-format
lint-format:
	$(Q)if clang-format --version | grep -q 'version $(FORMAT_VERSION)\.'; then \
		echo $(FORMAT_FILES) | xargs clang-format --dry-run -Werror && \
			echo "format: $(words $(FORMAT_FILES)) files, 0 errors"; \
	else echo "format: not checked, which takes clang-format $(FORMAT_VERSION)"; fi

lint-packages:
	$(Q)iso/packages.sh $(LINT_PACKAGES)
lint-files: $(LINT_SOURCES:%.c=$(LINT)/%.ok)

# --- for editors ---

# Lines that were changed since BASE, and no others.
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
