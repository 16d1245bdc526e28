/* SPDX-License-Identifier: MIT */
/* The neighbours: one that always wants the CPU, and one that wants it briefly and at once. */
#include "lib/bits.h"
#include "tests/random.h"
#include "tests/thief/thief.h"

#define LOOPS	   250u
#define GAP_NS	   (300 * NS_PER_US)
#define NAP_NS	   (700 * NS_PER_US) /* the shortest sleep; the longest is twice as long */
#define ASKS_EVERY 8u		     /* the wake-ups between two questions to the console */

/*
 * Counts for ever. The code is also copied into the victim's guest: it must call nothing and use no
 * data but its argument.
 */
void count_for_ever(struct counter *counter)
{
	u64 last = 0;

	for (;;) {
		u32 loops = LOOPS;
		u32 low;
		u32 high;
		u64 now;

		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(loops)::"cc");
		__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
		now = (u64)high << 32 | low;
		counter->count++;
		if (now - last > counter->gap) {
			counter->back_tsc = 0;
			counter->back_count = counter->count;
			counter->back_tsc = now;
		}
		last = now;
	}
}

void victim_main(void)
{
	struct guest guest;

	shared->victim.gap = clock_ns_to_tsc(GAP_NS);
	if (start_info->parameter[PARAMETER_GUEST] == 0)
		count_for_ever(&shared->victim);
	if (!guest_make(&guest, &shared->victim))
		rt_fail("guest");
	for (;;)
		guest_run(&guest);
}

void light_main(void)
{
	handle_t bell = start_handle(START_CHANNEL_OUT);
	u64 random = RANDOM_SEED;
	handle_t queue;

	if (sys_queue_create(own_group, &queue) != STATUS_OK)
		rt_fail("queue");
	for (;;) {
		u64 nap = NAP_NS + random_step(&random) % NAP_NS;
		u64 deadline = clock_tsc() + clock_ns_to_tsc(nap);
		u64 now;
		u64 key;

		(void)!sys_queue_wait(queue, deadline, &key);
		now = clock_tsc();
		if (now - deadline > shared->late_max)
			shared->late_max = now - deadline;
		if (++shared->wakes % ASKS_EVERY != 0 || shared->asked_tsc != 0)
			continue;
		shared->asked_tsc = now;
		(void)sys_event_signal(bell);
	}
}
