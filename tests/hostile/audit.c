/* SPDX-License-Identifier: MIT */
/* What the command `audit` does, for the boss: the code that judges is the manager's. */
#include "lib/bits.h"
#include "tests/hostile/hostile.h"
#include "vmm/manager/inspect/audit.h"
#include "vmm/rt/memory.h"

#define WINDOW_FRAMES (MIB / 4)

static handle_t page[2];
static u64 page_at[2];
static u64 balances_at;
static u64 frames_at;

static bool list(void *context, u32 level, u64 what, u64 where, u64 at, u64 *next)
{
	(void)context;
	return sys_audit(own_root, page[level], what, where, at, next) == STATUS_OK;
}

bool audit_set_up(void)
{
	for (u32 i = 0; i < 2; i++) {
		if (memory_take(PAGE_SIZE, MEMORY_PINNED, &page[i], &page_at[i]) != STATUS_OK)
			return false;
		pool[pool_kept++] = page[i];
	}
	return memory_map(align_up(AUDIT_BALANCES * sizeof(struct audit_balance), PAGE_SIZE),
			  &balances_at) == STATUS_OK &&
	       memory_map(WINDOW_FRAMES * sizeof(struct audit_frame), &frames_at) == STATUS_OK;
}

bool audit_play(void (*report)(void *context, const char *text))
{
	struct audit audit = {
		.list = list,
		.report = report,
		.page = {(const struct audit_page *)page_at[0],
			 (const struct audit_page *)page_at[1]},
		.balance = (struct audit_balance *)balances_at,
		.frame = (struct audit_frame *)frames_at,
		.frame_count = WINDOW_FRAMES,
	};

	return audit_run(&audit);
}
