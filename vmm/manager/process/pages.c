/* SPDX-License-Identifier: MIT */
#include "vmm/manager/process/pages.h"

static u64 at_start;
static pages_promised_t *promises[2];
static u32 promise_count;

void pages_set_up(u64 count)
{
	at_start = count;
}

u64 pages_at_start(void)
{
	return at_start;
}

void pages_count_promised(pages_promised_t *promised)
{
	promises[promise_count++ % ARRAY_COUNT(promises)] = promised;
}

u64 pages_available(void)
{
	u64 promised = 0;

	for (u32 i = 0; i < promise_count; i++)
		promised += promises[i]();
	return at_start > promised ? at_start - promised : 0;
}
