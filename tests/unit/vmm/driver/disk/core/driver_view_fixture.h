/* SPDX-License-Identifier: MIT */
#pragma once

/* A client that sees what another one's disk held at its snapshot. */
#include "tests/unit/vmm/driver/disk/core/driver_undo_fixture.h"

#define VIEW 3u

/* Returns where a request's data are on their way into the pool of the view. */
static UNUSED u8 *pool_of(u32 index)
{
	return (u8 *)peers[index].memory + SLOT_POOL_OFFSET;
}

/* A client comes that sees what client 0 had at that snapshot. */
static UNUSED void attach_view(u32 number)
{
	shared.client[VIEW].number = 0;
	client_take_commands();
	free(peers[VIEW].memory);
	shared.client[VIEW].disk.view = (struct disk_view_given){.of = 0, .number = number};
	attach(VIEW, true);
}

static UNUSED void expect_as_before(u32 index, u64 sector, u32 sectors)
{
	assert_memory_equal(pool_of(index), before + (FIRST_SECTOR + sector) * BLOCK_SECTOR_BYTES,
			    (size_t)sectors * BLOCK_SECTOR_BYTES);
}
