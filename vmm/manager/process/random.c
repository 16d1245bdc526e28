/* SPDX-License-Identifier: MIT */
/*
 * Draws random bytes. Called by all that make seeds, salts or ids; main.c fills the pool. Owns the
 * manager's pool.
 */
#include "vmm/manager/process/random.h"
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
