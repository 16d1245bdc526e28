/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

/*
 * The healthy neighbour of hostile guests: fills 32 MiB with a keyed pattern and verifies it over
 * and over, with a new key every eighth pass. A byte typed on its console makes it print how many
 * passes it has made; `q` ends it. A word that is not what was written ends it at once with FAIL.
 * It is a tiny guest (neighbour.c) or the first process of a Linux guest (linux/neighbour.c).
 */
#define CHECKER_WORDS	     (32ul * 1024 * 1024 / sizeof(u64))
#define CHECKER_BLOCK_WORDS  (1024ul * 1024 / sizeof(u64)) /* between two looks at the console */
#define CHECKER_PASSES_A_KEY 8u

/* Prints a text; each of the two guests that include this defines it. */
void print(const char *text);
void print_hex(u64 value);
static bool checker_typed(u8 *byte);	     /* returns false if nothing was typed */
NORETURN static void checker_end(bool good); /* prints PASS or FAIL */
/* verifies what else the guest has; returns false if it is wrong */
static bool checker_more(u64 key, u64 pass);

/*
 * Returns the word for a place. It depends only on the place and the key, so that a page that has
 * moved is noticed too.
 */
static inline u64 checker_pattern(u64 key, u64 place)
{
	u64 x = (key ^ place) * 0x9e3779b97f4a7c15ull;

	return x ^ x >> 29;
}

static inline void checker_answer(u64 passes)
{
	u8 typed;

	if (!checker_typed(&typed))
		return;
	print("PASSES ");
	print_hex(passes);
	print("\n");
	if (typed == 'q')
		checker_end(passes > 0);
}

static inline void checker_verify(const u64 *area, u64 key, u64 passes)
{
	for (u64 i = 0; i < CHECKER_WORDS; i++) {
		if (i % CHECKER_BLOCK_WORDS == 0)
			checker_answer(passes);
		if (area[i] == checker_pattern(key, i))
			continue;
		print("  word ");
		print_hex(i);
		print(" is ");
		print_hex(area[i]);
		print("\n");
		checker_end(false);
	}
}

NORETURN static inline void checker_run(u64 *area, u64 key)
{
	print("NEIGHBOUR\n");
	for (u64 passes = 0;; key = checker_pattern(key, ~0ull)) {
		for (u64 i = 0; i < CHECKER_WORDS; i++)
			area[i] = checker_pattern(key, i);
		for (u32 i = 0; i < CHECKER_PASSES_A_KEY; i++) {
			checker_verify(area, key, passes++);
			if (!checker_more(key, passes))
				checker_end(false);
		}
	}
}
