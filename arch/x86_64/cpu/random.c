/* SPDX-License-Identifier: MIT */
/*
 * Random numbers for the kernel's own layout, for canaries and for the entropy that processes start
 * with. boot hands over the pool; kernel/group/process.c, mm/space.c and mm/kernel_space.c draw
 * from it. The pool has no lock: its callers run one at a time (random.h).
 */
#include "arch/x86_64/cpu/random.h"

static struct entropy_pool pool;

void random_seed(const struct entropy_pool *seed)
{
	pool = *seed;
}

void random_bytes(void *to, size_t count)
{
	entropy_draw(&pool, to, count);
}

/*
 * Returns 64 random bits. A draw from the pool costs some 2,500 instructions and gives four such
 * numbers, so three are kept for later calls.
 */
u64 random_u64(void)
{
	static u64 drawn[4];
	static u32 left;
	u64 value;

	if (left == 0) {
		entropy_draw(&pool, drawn, sizeof(drawn));
		left = ARRAY_COUNT(drawn);
	}
	value = drawn[--left];
	drawn[left] = 0;
	return value;
}

/*
 * Returns a number below `limit`. Rejects the lowest 2^64 % limit values to avoid a bias: fewer
 * than two draws on average.
 */
u64 random_below(u64 limit)
{
	u64 rest = -limit % limit;
	u64 value;

	do {
		value = random_u64();
	} while (value < rest);
	return value % limit;
}
