/* SPDX-License-Identifier: MIT */
/*
 * The program of a network's switch: forwards frames from port to port. Its loop waits for signals,
 * serves the ports by turn.c and obeys the manager by port.c. The process has no device and reaches
 * no guest's memory, only the links of its ports.
 */
#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"
#include "vmm/switch/announce.h"
#include "vmm/switch/forward.h"
#include "vmm/switch/loop.h"
#include "vmm/switch/mac_table.h"
#include "vmm/switch/turn.h"

/* After how many forwarded frames a busy switch looks for new work. */
#define LOOK_FRAMES 64u /* frames forwarded between two looks for frames in the ports' links */
/* frames forwarded between two looks for signals in the queue, which are mostly the manager's */
#define SIGNAL_FRAMES 256u
/* The longest time between two removals of MAC addresses that are too old. */
#define TICK_NS (10 * NS_PER_S)

enum key { KEY_MANAGER = 1, KEY_PORTS = 16 };

static struct driver_channel *switch_channel;
static handle_t switch_queue;

void switch_tell_manager(void)
{
	(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
}

void switch_give_up(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(switch_channel->reason, sizeof(switch_channel->reason), pattern, arguments);
	va_end(arguments);
	__atomic_store_n(&switch_channel->state, DRIVER_FAILED, __ATOMIC_RELEASE);
	switch_tell_manager();
	rt_fail("switch");
}

static void switch_open_channel(void)
{
	start_free_predecessor();
	switch_channel = (struct driver_channel *)(uintptr_t)start_find(START_CHANNEL)->offset;
	if (sys_queue_create(start_handle(START_GROUP), &switch_queue) != STATUS_OK ||
	    sys_object_bind(start_handle(START_CHANNEL_IN), switch_queue, KEY_MANAGER) != STATUS_OK)
		rt_fail("queue");
	port_init(switch_channel, switch_queue, KEY_PORTS);
}

static void switch_start(void)
{
	u64 mtu = start_info->parameter[DRIVER_MTU];
	u64 secret[2];

	if (mtu < NET_MTU_MIN || mtu > NET_MTU_MAX)
		switch_give_up("an MTU of %lu is not possible; use %u to %u", mtu, NET_MTU_MIN,
			       NET_MTU_MAX);
	memcpy(secret, start_info->entropy + sizeof(secret), sizeof(secret));
	mac_table_init(secret[0], secret[1]);
	forward_init((u32)mtu);
	string_copy(switch_channel->model, sizeof(switch_channel->model), "switch");
	__atomic_store_n(&switch_channel->state, DRIVER_READY, __ATOMIC_RELEASE);
	switch_tell_manager();
}

/* Waits for a signal. Returns false if there was none before the deadline. */
static bool switch_take_signal(u64 deadline)
{
	u64 key = 0;

	if (sys_queue_wait(switch_queue, deadline, &key) != STATUS_OK)
		return false;
	if (key == KEY_MANAGER)
		port_take_commands();
	else if (key - KEY_PORTS < NET_PORT_MAX)
		port_sets.active |= BIT(key - KEY_PORTS) & port_sets.there;
	return true;
}

/*
 * Waits until all ports that the network had under the switch before are attached again: until then
 * no frame is forwarded.
 */
static void switch_await_ports(void)
{
	while (__atomic_load_n(&switch_channel->opened, __ATOMIC_ACQUIRE) == 0)
		(void)switch_take_signal(~0ull);
	port_take_commands();
}

/*
 * Takes signals from the queue, at most as many as can be pending at once, because more may arrive
 * without end.
 */
static void switch_take_signals(void)
{
	for (u32 i = 0; i <= NET_PORT_MAX && switch_take_signal(0); i++)
		;
}

static void switch_tick(u64 now)
{
	static u64 next;
	static u32 seconds;
	u64 second = clock_ns_to_tsc(NS_PER_S);

	if (now < next)
		return;
	seconds += next != 0 ? (u32)((now - next) / second) + 1 : 0;
	next = now + second;
	mac_table_tick(seconds);
	switch_channel->net.addresses = mac_table_count();
}

static void switch_wait(void)
{
	u64 late = mac_table_count() != 0 ? clock_tsc() + clock_ns_to_tsc(TICK_NS) : ~0ull;
	u64 turn = turn_deadline();
	u64 loop = loop_deadline();
	u64 deadline = MIN(turn, loop);

	(void)switch_take_signal(MIN(deadline, late));
}

int main(void)
{
	u32 unlooked = 0;
	u32 unheard = 0;

	switch_open_channel();
	switch_start();
	switch_await_ports();
	for (;;) {
		u64 now = clock_tsc();
		u32 count;

		switch_tick(now);
		loop_tick(now);
		if (unlikely(port_sets.announce != 0))
			announce_all();
		turn_wake(now);
		count = turn_round(now);
		switch_channel->finished += count;
		/*
		 * a round without frames counts as one frame, since a client may keep its port busy
		 * with nothing
		 */
		unlooked += MAX(count, 1);
		unheard += MAX(count, 1);
		if (unlooked >= LOOK_FRAMES) {
			port_look();
			unlooked = 0;
		}
		if (unheard >= SIGNAL_FRAMES) {
			switch_take_signals();
			unheard = 0;
		}
		if (port_sets.active == 0)
			switch_wait();
	}
}
