/* SPDX-License-Identifier: MIT */
/*
 * The entry of the hostile image's process: finds out whether it is the boss or a child, draws
 * numbers, and notes what the kernel reveals.
 */
#include "tests/hostile/hostile.h"
#include "tests/random.h"
#include "vmm/rt/clock.h"

struct shared *shared;
u64 pool[POOL];
u32 pool_kept;
u32 pool_own;
handle_t own_self, own_space, own_group, own_root;

u64 draw(struct hostile *self)
{
	return random_step(&self->random) * 0x2545f4914f6cdd1dull;
}

/* Numbers at which something begins or ends. */
static const u64 edges[] = {
	0,
	1,
	2,
	3,
	7,
	8,
	0xfff,
	0x1000,
	0x1001,
	0x2000,
	0x200000,
	0xffff,
	0x10000,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x7fffffff0000,
	0x7ffffffff000,
	0x800000000000,
	0xffff800000000000,
	0xffffffff80200000,
	0xfffffffffffff000,
	0xffffffffffffffff,
	0x8000000000000000,
	0x7fffffffffffffff,
	0xfee00000,
	0xfec00000,
	0x1ff,
	0xff,
	0x3f8,
	0x40000000,
	0x1000000000,
};

u64 draw_value(struct hostile *self)
{
	u64 r = draw(self);

	switch (r % 8) {
	case 0:
		return edges[(r >> 8) % ARRAY_COUNT(edges)];
	case 1:
		return pool[(r >> 8) % POOL];
	case 2:
		return (r >> 8) % 16;
	case 3:
		return ((r >> 8) % 512) << 12;
	case 4:
		return r >> (r >> 58);
	case 5:
		return clock_tsc() + (r >> 44);
	case 6:
		return (r >> 8) & 0x1ff;
	default:
		return edges[(r >> 8) % ARRAY_COUNT(edges)] + (r >> 32) % 3 - 1;
	}
}

bool is_kernel_address(u64 value)
{
	return value >= 0xffff800000000000ull && value < 0xffffffffffff0000ull;
}

/* docs/memory-map.md: the image, at random and at its link address */
bool is_image_address(u64 value)
{
	return (value >= 0xffffc00000000000ull && value < 0xffffe00000000000ull) ||
	       (value >= 0xffffff8000000000ull && value < 0xffffffffffff0000ull);
}

void leak(enum leak_kind kind, u64 where, u64 value)
{
	u64 n = shared->leak_count++;

	if (n >= ARRAY_COUNT(shared->leak))
		return;
	shared->leak[n][0] = kind;
	shared->leak[n][1] = where;
	shared->leak[n][2] = value;
}

int main(void)
{
	own_self = start_handle(START_SELF);
	own_space = start_handle(START_SPACE);
	own_group = start_handle(START_GROUP);
	own_root = start_handle(START_ROOT);
	if (own_root != HANDLE_NONE)
		boss_main();
	child_main();
}
