/* SPDX-License-Identifier: MIT */
/*
 * A child of the hostile image: threads that make calls, run vCPUs and touch memory at random. Runs
 * in place of a monitor, with what a monitor has.
 */
#include "lib/bits.h"
#include "tests/hostile/hostile.h"
#include "vmm/rt/syscall.h"

#define MIX 0x9e3779b97f4a7c15ull

static struct hostile threads[THREADS];

static void work(struct hostile *self)
{
	for (;;) {
		if (draw(self) % 4 == 0) {
			vcpu_play(self, 1 + draw(self) % 60);
		} else {
			for (u32 i = 0; i < 400; i++)
				call_random(self);
		}
		if (draw(self) % 4 == 0)
			fork_play(self);
		if (draw(self) % 150 == 0)
			instruction_play(self);
		if (draw(self) % 100 == 0)
			touch_play(self);
	}
}

static void thread_main(void *argument)
{
	work(argument);
}

void child_main(void)
{
	u64 seed = start_info->parameter[15];
	u64 at;

	for (u32 i = 0; i < THREADS; i++) {
		threads[i].random = seed * MIX + i + 1;
		for (u32 j = 0; j < 8; j++)
			(void)draw(&threads[i]);
	}
	if (sys_space_map(own_space, 0, start_handle(START_CHANNEL), 0,
			  align_up(sizeof(struct shared), PAGE_SIZE), RIGHT_READ | RIGHT_WRITE,
			  &at) != STATUS_OK)
		rt_fail("channel");
	shared = (struct shared *)at;
	for (u32 i = 0; i < start_info->entry_count && i < POOL / 2; i++)
		pool[pool_kept++] = start_info->entry[i].handle;
	/* the children form a chain, so that the quota ends it, whatever is drawn */
	fork_play(&threads[0]);
	for (u64 i = 1; i <= seed % THREADS && i < THREADS; i++)
		(void)!thread_start(thread_main, &threads[i]);
	work(&threads[0]);
	rt_fail("end");
}
