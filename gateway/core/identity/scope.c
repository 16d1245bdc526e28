/* SPDX-License-Identifier: MIT */
/*
 * Scopes: patterns of VMs' names, by which a credential sees some VMs alone. All code that shows or
 * changes a VM asks here; the file looks at its arguments and nothing else.
 */

#include "gateway/core/identity/scope.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "gateway/core/identity/identity.h"

bool scope_has(const char *scope, const char *vm)
{
	/* STORE/VOLUME and "store STORE", which operations and the audit name, are no VMs */
	return !strcmp(scope, "*") || (!strpbrk(vm, "/ ") && fnmatch(scope, vm, FNM_NOESCAPE) == 0);
}

bool scope_valid(const char *scope)
{
	size_t length = strlen(scope);

	if (length == 0 || length >= SCOPE_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)scope[i]) && !strchr("-_.*?", scope[i]))
			return false;
	}
	return true;
}

/*
 * Recognises only the easy cases: the two are the same, `inner` is a plain name, or `outer` is a
 * prefix of `inner` and a star. Otherwise returns false.
 */
bool scope_within(const char *inner, const char *outer)
{
	size_t length = strlen(outer);

	if (!strcmp(outer, "*") || !strcmp(inner, outer))
		return true;
	if (!strpbrk(inner, "*?"))
		return scope_has(outer, inner);
	return length && outer[length - 1] == '*' && strcspn(outer, "*?") == length - 1 &&
	       !strncmp(inner, outer, length - 1);
}
