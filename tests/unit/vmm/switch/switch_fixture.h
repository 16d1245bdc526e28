/* SPDX-License-Identifier: MIT */
#pragma once

/* A switch between clients that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.c"
#include "tests/fake_clock.h"
#include "vmm/io/bucket.c"
#include "vmm/io/frames.c"
#include "vmm/io/link.c"
#include "vmm/io/share.c"
#include "vmm/switch/announce.c"
#include "vmm/io/checksum.c"
#include "vmm/switch/deliver.c"
#include "vmm/switch/egress.c"
#include "vmm/switch/forward.c"
#include "vmm/switch/limit.c"
#include "vmm/switch/loop.c"
#include "vmm/switch/mac_table.c"
#include "vmm/switch/offload.c"
#include "vmm/switch/port.c"
#include "vmm/switch/segment.c"
#include "vmm/switch/source.c"
#include "vmm/switch/turn.c"
#include "vmm/switch/vlan.c"

#define QUEUE	    5u
#define KEY	    16u
#define DOORBELL(n) (100u + (n))
#define BELL(n)	    (200u + (n))
#define MTU	    1500u
#define BROADCAST   0xffffffffffffull
#define MULTICAST   0x0100005e0001ull
/* The address of port n, and one behind it. */
#define MAC(n)	   (0x000000005452ull | (u64)(n) << 40)
#define BEHIND(n)  (0x0000000aaa02ull | (u64)(n) << 40)
#define PAYLOAD(n) (0x40u + (n))

/* The clients' side of the links. */
struct peer {
	struct link_memory *memory;
	struct link_end end;
	u32 bells;
	bool bound;
};

static struct driver_channel shared;
static struct peer peers[NET_PORT_MAX];
static u32 told; /* how often the manager was told */
static u32 last_number;
static u8 scratch[FRAME_BYTES_MAX]; /* a frame in the making, or taken */

enum status sys_object_bind(handle_t handle, handle_t bound_to, u64 key)
{
	u64 number = key - KEY;

	assert_int_equal(bound_to, QUEUE);
	assert_true(number < NET_PORT_MAX);
	assert_int_equal(handle, DOORBELL(number));
	peers[number].bound = true;
	return STATUS_OK;
}

enum status sys_handle_close(handle_t handle)
{
	(void)handle;
	return STATUS_OK;
}

enum status sys_event_signal(handle_t event)
{
	assert_true(event - BELL(0) < NET_PORT_MAX);
	peers[event - BELL(0)].bells++;
	return STATUS_OK;
}

void switch_tell_manager(void)
{
	told++;
}

void switch_give_up(const char *pattern, ...)
{
	fail_msg("%s", pattern);
	abort();
}

static UNUSED void detach(u32 index)
{
	shared.client[index].number = 0;
	port_take_commands();
	assert_int_equal(shared.served[index], 0);
	free(peers[index].memory);
	peers[index] = (struct peer){0};
}

/*
 * Attaches a port as the manager and a client do; the switch then sees it, and both see each other.
 */
static UNUSED void attach_port(u32 index, struct net_port port)
{
	struct peer *peer = &peers[index];

	assert_null(peer->memory);
	peer->memory = aligned_alloc(PAGE_SIZE, FRAMES_LINK_BYTES);
	memset(peer->memory, 0, FRAMES_LINK_BYTES);
	frames_open(&peer->end, peer->memory, LINK_CLIENT);
	peer->memory->generation = 1;
	assert_true(link_renewed(&peer->end));
	port.limit.weight = MAX(port.limit.weight, 1);
	shared.client[index] = (struct driver_client){
		.link = (u64)(uintptr_t)peer->memory,
		.port = port,
		.doorbell = DOORBELL(index),
		.bell = BELL(index),
		.number = ++last_number,
	};
	port_take_commands();
	assert_int_equal(shared.served[index], last_number);
	assert_true(peer->bound);
	turn_round(now); /* sees that the link is new */
	assert_true(peer->bells >= 1);
	peer->bells = 0;
}

/* A VM's, in the network without tags. */
static UNUSED void attach(u32 index)
{
	attach_port(index, (struct net_port){.mac = MAC(index)});
}

static UNUSED void attach_uplink(u32 index)
{
	attach_port(index, (struct net_port){.flags = NET_PORT_UPLINK});
}

static UNUSED void wish(u32 index, u32 wishes)
{
	link_set_wish(&peers[index].end, wishes);
}

static UNUSED int setup(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	memset(ports, 0, sizeof(ports));
	port_sets = (struct port_sets){0};
	next_ready = ~0ull;
	next_tick = ~0ull;
	told = 0;
	now = NS_PER_S;
	mac_table_init(5, 6);
	forward_init(MTU);
	port_init(&shared, QUEUE, KEY);
	return 0;
}

static UNUSED int teardown(void **state)
{
	(void)state;
	for (u32 i = 0; i < NET_PORT_MAX; i++) {
		free(peers[i].memory);
		peers[i] = (struct peer){0};
	}
	return 0;
}

static UNUSED void put_mac(u8 *at, u64 mac)
{
	memcpy(at, &mac, NET_MAC_BYTES);
}

static UNUSED bool try_put(u32 index, const struct frame_header *header, const u8 *frame)
{
	u8 *at = frames_reserve(&peers[index].end, header->bytes);

	if (at == NULL)
		return false;
	memcpy(at, frame, header->bytes);
	frames_add(&peers[index].end, header);
	/* as the main loop does when the doorbell rings */
	if (link_publish(&peers[index].end))
		port_sets.active |= BIT(index);
	return true;
}

static UNUSED void put_frame(u32 index, struct frame_header header, const u8 *frame)
{
	assert_true(try_put(index, &header, frame));
}

/* `bytes` of any type, every byte behind the addresses `fill`. */
static UNUSED void put_plain(u32 index, u64 to, u64 source, u32 bytes, u8 fill)
{
	memset(scratch, fill, bytes);
	put_mac(scratch, to);
	put_mac(scratch + 6, source);
	put_frame(index, (struct frame_header){.bytes = bytes}, scratch);
}

/* Serves as main does, until there is nothing more to take. */
static UNUSED void serve_all(void)
{
	turn_wake(now);
	for (u32 i = 0; port_sets.active != 0; i++) {
		assert_true(i < 10000);
		turn_round(now);
	}
}

/* Takes the next frame at a client, into `scratch`. */
static UNUSED bool take_frame(u32 index, struct frame_header *header)
{
	const u8 *frame;

	if (!frames_next(&peers[index].end, header, &frame))
		return false;
	memcpy(scratch, frame, header->bytes);
	frames_drop(&peers[index].end, header);
	(void)!link_publish(&peers[index].end);
	return true;
}

static UNUSED void expect_plain(u32 index, u64 to, u64 source, u32 bytes, u8 fill)
{
	struct frame_header header;

	assert_true(take_frame(index, &header));
	assert_int_equal(header.bytes, bytes);
	assert_int_equal(header.flags, 0);
	assert_int_equal(header.segments, 0);
	assert_int_equal(bytes_get_mac(scratch), to);
	assert_int_equal(bytes_get_mac(scratch + 6), source);
	for (u32 i = 12; i < bytes; i++)
		assert_int_equal(scratch[i], fill);
}

static UNUSED void expect_nothing(u32 index)
{
	struct frame_header header;

	assert_false(take_frame(index, &header));
	assert_false(peers[index].end.broken);
}

static UNUSED u64 dropped(u32 index, enum net_drop reason)
{
	return shared.net.counts[index].dropped[reason];
}

/* Checks that what the port sent did not get anywhere, for this reason alone. */
static UNUSED void expect_dropped(u32 index, enum net_drop reason, u64 count)
{
	for (u32 i = 0; i < NET_DROP_COUNT; i++)
		assert_int_equal(dropped(index, i), i == reason ? count : 0);
}

static UNUSED void put_type(u32 index, u64 to, u16 type, u32 bytes)
{
	memset(scratch, 0x11, bytes);
	put_mac(scratch, to);
	put_mac(scratch + 6, MAC(index));
	bytes_put16(scratch + 12, type);
	put_frame(index, (struct frame_header){.bytes = bytes}, scratch);
}

static UNUSED void expect_frames(u32 index, u32 count)
{
	struct frame_header header;

	for (u32 i = 0; i < count; i++)
		assert_true(take_frame(index, &header));
	expect_nothing(index);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
