# SPDX-License-Identifier: MIT
#
# The pages are plain Markdown; checked is what can be: links, and that nothing offered is left out.

.PHONY: docs
docs: ## check the documentation: links, completeness
	$(Q)$(PYTHON) tests/lint/links.py
	$(Q)$(PYTHON) tests/lint/documented.py
