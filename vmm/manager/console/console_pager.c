/* SPDX-License-Identifier: MIT */
/*
 * Decides how much of a command's output may be sent before the operator asks for more. Called by
 * console.c and console_send.c. Holds no state beyond the given pager.
 */
#include "vmm/manager/console/console_pager.h"

void pager_begin(struct pager *pager, u32 rows, u32 position)
{
	*pager = (struct pager){
		.rows = rows,
		.left = rows - 1,
		.active = rows >= 2,
		.start = position,
	};
}

void pager_end(struct pager *pager, u32 position)
{
	pager->ended = true;
	pager->end = position;
}

void pager_off(struct pager *pager)
{
	pager->active = false;
	pager->paused = false;
}

/* Returns how many of `count` bytes at the position come before the end of the command's output. */
static u32 pager_mine(const struct pager *pager, u32 count, u32 position)
{
	u32 to_end = pager->end - position;

	return pager->ended && to_end < count ? to_end : count;
}

/*
 * Returns how many of `count` bytes at the position come before the command's output: the typed
 * line and its end.
 */
static u32 pager_before(const struct pager *pager, u32 count, u32 position)
{
	s32 to_start = (s32)(pager->start - position);

	return to_start > 0 ? MIN((u32)to_start, count) : 0;
}

u32 pager_allow(struct pager *pager, const u8 *bytes, u32 count, u32 position)
{
	u32 held = pager_mine(pager, count, position);
	u32 left = pager->left;

	if (!pager->active)
		return count;
	if (pager->ended && held == 0) {
		pager_off(pager);
		return count;
	}
	if (left == 0) {
		pager->paused = count > 0;
		return 0;
	}
	for (u32 i = pager_before(pager, held, position); i < held; i++) {
		if (bytes[i] == '\n' && --left == 0)
			return i + 1;
	}
	return held;
}

void pager_sent(struct pager *pager, const u8 *bytes, u32 count, u32 position)
{
	if (!pager->active)
		return;
	for (u32 i = pager_before(pager, count, position); i < pager_mine(pager, count, position);
	     i++)
		pager->left -= bytes[i] == '\n' && pager->left > 0;
}

void pager_more(struct pager *pager, u32 lines)
{
	pager->left = lines;
	pager->paused = false;
}
