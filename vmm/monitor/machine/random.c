/* SPDX-License-Identifier: MIT */
/*
 * Random bytes from a generator that is seeded from the manager's start info. Called by
 * generation.c and the platform's devices; owns the generator's state.
 */
#include "vmm/monitor/machine/random.h"

#include "lib/entropy.h"
#include "vmm/rt/start.h"

static struct entropy_pool pool;

void random_init(void)
{
	entropy_mix(&pool, start_info->entropy, sizeof(start_info->entropy));
}

void random_draw(void *bytes, size_t count)
{
	entropy_draw(&pool, bytes, count);
}
