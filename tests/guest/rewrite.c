/* SPDX-License-Identifier: MIT */
/* Writes and reads pages of its RAM at random, checks what it reads; says how often: r. */
#include "tests/guest/rt/devices.h"

#define FIRST	 (16 * MIB)
#define PAGES	 (128 * MIB / PAGE_SIZE)
#define ACCESSES 20000u

static u32 written[PAGES]; /* the last number written to each page */

static u64 next_random(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static volatile u32 *word_of(u64 page)
{
	return (volatile u32 *)(FIRST + page * PAGE_SIZE + page % 1024 * sizeof(u32));
}

void guest_main(void)
{
	u64 state = 88172645463325252ull;
	u32 number = 0;

	pic_mask_all();
	for (u64 page = 0; page < PAGES; page += 512)
		*word_of(page) = written[page] = ++number;
	pass("filled");
	for (u32 round = 1;; round++) {
		for (u32 i = 0; i < ACCESSES; i++) {
			u64 random = next_random(&state);
			u64 page = random % PAGES;

			if (*word_of(page) != written[page])
				check("what-was-written", false, "a page has another word");
			if (random >> 62 == 0)
				*word_of(page) = written[page] = ++number;
		}
		if (typed() == 'r') {
			print("ROUND ");
			print_hex(round);
			print("\n");
		}
	}
}
