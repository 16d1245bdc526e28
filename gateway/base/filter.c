/* SPDX-License-Identifier: MIT */
/*
 * Filters of system calls (seccomp(2)). Each process of skerryd makes its own before it reads the
 * first byte of a client; the file holds no state.
 */
#include "gateway/base/filter.h"

enum { PROTECT_EXECUTE = 4 };

/* Takes the result of adding a rule. Returns the filter, or NULL after freeing it. */
static scmp_filter_ctx filter_unless(int failed, scmp_filter_ctx filter)
{
	if (!failed)
		return filter;
	seccomp_release(filter);
	return NULL;
}

scmp_filter_ctx filter_add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; filter && i < count; i++)
		filter = filter_unless(seccomp_rule_add(filter, action, calls[i], 0), filter);
	return filter;
}

scmp_filter_ctx filter_allowing(const int *calls, size_t count)
{
	static const int pages[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	scmp_filter_ctx filter =
		filter_add(seccomp_init(SCMP_ACT_KILL_PROCESS), SCMP_ACT_ALLOW, calls, count);

	for (size_t i = 0; filter && i < sizeof(pages) / sizeof(pages[0]); i++)
		filter = filter_unless(
			seccomp_rule_add(filter, SCMP_ACT_ALLOW, pages[i], 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROTECT_EXECUTE, 0)),
			filter);
	return filter;
}

bool filter_load(scmp_filter_ctx filter)
{
	bool loaded = filter && seccomp_load(filter) == 0;

	if (filter)
		seccomp_release(filter);
	return loaded;
}
