/* SPDX-License-Identifier: MIT */
/*
 * Computes the content of the example service's disk. Called by numbers_start.c for each sector
 * read; has no state.
 */
#include "vmm/service/numbers/numbers.h"

#include "lib/string.h"
#include "vmm/io/block.h"

#define WORDS (BLOCK_SECTOR_BYTES / sizeof(u64))

void numbers_fill(u64 sector, u64 starts, u8 *to)
{
	u64 words[WORDS];

	for (u64 i = 0; i < WORDS; i++)
		words[i] = sector * BLOCK_SECTOR_BYTES + i * sizeof(u64);
	if (sector == 0)
		words[0] = starts;
	memcpy(to, words, sizeof(words));
}
