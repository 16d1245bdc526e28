/* SPDX-License-Identifier: MIT */
/*
 * Counts the host's pages that are promised to no VM or driver. Set up by vm_build_check.c; called
 * by all that promise pages to VMs or drivers. Owns the number of pages at the start.
 */
#include "vmm/manager/process/pages.h"

static u64 at_start;
static u64 (*promised_now)(void);

void pages_set_up(u64 count, u64 (*promised)(void))
{
	at_start = count;
	promised_now = promised;
}

u64 pages_at_start(void)
{
	return at_start;
}

u64 pages_available(void)
{
	u64 promised = promised_now();

	return at_start > promised ? at_start - promised : 0;
}
