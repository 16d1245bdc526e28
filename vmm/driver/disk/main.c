/* SPDX-License-Identifier: MIT */
/*
 * The loop of every disk driver and of every service: takes clients' requests, hands them to the
 * device, answers them, and sleeps when there is nothing to do. Linked into each of their programs;
 * the device's part of the program is behind `driver_ops`.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/driver/disk/core/device.h"
#include "vmm/driver/disk/core/driver.h"
#include "vmm/driver/disk/core/scheduler.h"
#include "vmm/driver/disk/layers/stack.h"
#include "vmm/driver/disk/layers/store/store.h"
#include "vmm/driver/disk/layers/undo_move.h"
#include "vmm/rt/clock.h"

/*
 * The interval at which the driver polls a device that has requests, in case its interrupt is lost.
 */
#define LOOK_NS (100 * NS_PER_MS)

static struct driver_channel *channel;

static void main_take_commands(void)
{
	/* called before client_take_commands, as clients may have volumes of these stores */
	store_take_commands(channel);
	client_take_commands();
}

static bool main_device_may_wait(void)
{
	return driver_ops.may_wait == NULL || driver_ops.may_wait();
}

static void main_wait(void)
{
	u64 look = request_waiting() != 0 ? clock_tsc() + clock_ns_to_tsc(LOOK_NS) : ~0ull;
	u64 limit = MIN(look, scheduler_deadline());
	u64 store = store_deadline();
	u64 deadline = MIN(limit, store);
	u64 finished = channel->finished;
	u64 key;

	/* an interrupt for completions that a poll has already taken is no reason for a turn */
	do {
		key = process_wait(deadline);
		if (key != PROCESS_DEVICE)
			break;
		driver_ops.poll();
		process_interrupt_taken();
	} while (channel->finished == finished);
	if (key == PROCESS_MANAGER)
		main_take_commands();
	else if (key >= PROCESS_OTHERS)
		scheduler_hear(key - PROCESS_OTHERS);
}

int main(void)
{
	channel = process_open();
	request_init(channel);
	client_init(channel, process_queue(), PROCESS_OTHERS, stack_of);
	driver_start(channel);
	main_take_commands();
	for (;;) {
		/* moves of pieces go first: clients' requests would take all slots of the device */
		bool more = undo_serve();
		bool took = scheduler_serve();

		/*
		 * after the scheduler, so that the stores at once serve a request that has begun to
		 * wait for them
		 */
		more |= store_serve();
		driver_ops.poll();
		client_publish();
		channel->waiting = request_waiting();
		process_answer();
		/* a device that has not answered yet mostly has by the next turn */
		more |= took && request_waiting() != 0;
		if (!more && store_may_wait() && scheduler_may_wait() && main_device_may_wait())
			main_wait();
	}
}
