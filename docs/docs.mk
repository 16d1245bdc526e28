# SPDX-License-Identifier: MIT
#
# The pages are plain Markdown. These checks are made: links lead somewhere, nothing offered is left
# out, the generated references and drawings are up to date, and console examples print what they show.

.PHONY: docs docs-update docs-static
docs-static: $(BUILD)/manager.elf
	$(Q)$(PYTHON) tests/lint/links.py
	$(Q)$(PYTHON) tests/lint/documented.py
	$(Q)$(PYTHON) docs/console_reference.py $(BUILD)/manager.elf | \
		diff docs/reference/console.md - >$(BUILD)/docs.diff || \
		{ cat $(BUILD)/docs.diff; echo "docs/reference/console.md is old: make docs-update"; exit 1; }
	$(Q)$(PYTHON) docs/abi_reference.py | diff docs/reference/abi.md - >$(BUILD)/docs.diff || \
		{ cat $(BUILD)/docs.diff; echo "docs/reference/abi.md is old: make docs-update"; exit 1; }
	$(Q)$(PYTHON) docs/pictures.py >$(BUILD)/pictures.md
	$(Q)diff docs/pictures.md $(BUILD)/pictures.md >$(BUILD)/docs.diff || \
		{ cat $(BUILD)/docs.diff; echo "docs/pictures.md is old: make docs-update"; exit 1; }
	$(Q)$(PYTHON) docs/proved.py >$(BUILD)/proved.md
	$(Q)diff docs/proved.md $(BUILD)/proved.md >$(BUILD)/docs.diff || \
		{ cat $(BUILD)/docs.diff; echo "docs/proved.md is old: make docs-update"; exit 1; }

docs: docs-static test-packages ## check the documentation: links, completeness, references, console examples
	$(Q)$(MAKE) --no-print-directory $(BUILD)/skerry.elf $(BUILD)/guests.cpio $(DATA_DISK)
	$(Q)$(PYTHON) docs/examples.py --build $(BUILD)

docs-update: $(BUILD)/manager.elf ## write docs/reference/, docs/pictures.md and docs/proved.md anew
	$(Q)$(PYTHON) docs/console_reference.py $(BUILD)/manager.elf >docs/reference/console.md
	$(Q)$(PYTHON) docs/abi_reference.py >docs/reference/abi.md
	$(Q)$(PYTHON) docs/pictures.py >docs/pictures.md
	$(Q)$(PYTHON) docs/proved.py >$(BUILD)/proved.md && cp $(BUILD)/proved.md docs/proved.md
