/* SPDX-License-Identifier: MIT */
/*
 * The example of a service, with sectors whose reading ends it: of a page fault, by itself, in a
 * loop without end. With the argument "once" each does so only once.
 */
#include "vmm/driver/process.h"
#include "vmm/service/numbers/numbers.h"

#include "lib/string.h"

enum fault_sector { SECTOR_PAGE_FAULT = 100, SECTOR_FAILS = 200, SECTOR_LOOPS = 300 };

static u8 *volatile nowhere;

void __real_numbers_fill(u64 sector, u64 starts, u8 *to);
void __wrap_numbers_fill(u64 sector, u64 starts, u8 *to);

/* In lasting memory, behind what the service has there itself. */
static bool is_first(u64 sector)
{
	u64 *seen = (u64 *)(void *)driver_dma().memory + 1;
	u64 bit = 1ull << sector / 100;
	bool first = (*seen & bit) == 0;

	*seen |= bit;
	return first || strcmp(start_info->command_line, "once") != 0;
}

void __wrap_numbers_fill(u64 sector, u64 starts, u8 *to)
{
	if (sector == SECTOR_PAGE_FAULT && is_first(sector))
		*nowhere = 0;
	if (sector == SECTOR_FAILS && is_first(sector))
		rt_fail("no wish");
	while (sector == SECTOR_LOOPS && is_first(sector))
		while (true)
			;
	__real_numbers_fill(sector, starts, to);
}
