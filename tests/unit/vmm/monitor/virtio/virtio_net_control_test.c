/* SPDX-License-Identifier: MIT */
/* virtio-net: what the guest says by the control queue, and which frames it gets by that. */
#include "tests/unit/virtio_net_fixture.h"

#define MAC_A	  0x0a0000000002ull /* 02:00:00:00:00:0a */
#define MAC_B	  0x0b0000000002ull
#define BROADCAST 0xffffffffffffull

/* 01:00:5e:00:00:N */
static u64 group(u8 number)
{
	return 0x5e0001ull | (u64)number << 40;
}

/* Whether a frame to that address gets to the guest; with a tag unless `vlan` is negative. */
static bool gets_tagged(u64 mac, int vlan)
{
	const struct frame_header header = {.bytes = 64};
	u64 before = net.counts.received_frames;
	u64 filtered = net.counts.lost[NET_LOSS_FILTERED];
	u8 *frame = frames_reserve(&port, 64);

	if (used_new(0) == 0)
		add_buffers(0, 0, 1, 1526);
	memset(frame, 0, 64);
	memcpy(frame, &mac, NET_MAC_BYTES);
	if (vlan >= 0) {
		frame[12] = 0x81;
		frame[14] = (u8)(0xe0 | vlan >> 8); /* a tag with a priority */
		frame[15] = (u8)vlan;
	}
	frames_add(&port, &header);
	port_publish();
	if (used_new(0) != 0) {
		(void)hear(0);
		assert_int_equal(net.counts.received_frames, before + 1);
		return true;
	}
	assert_int_equal(net.counts.lost[NET_LOSS_FILTERED], filtered + 1);
	return false;
}

static bool gets(u64 mac)
{
	return gets_tagged(mac, -1);
}

/* Until the guest says otherwise it gets all frames. */
static void modes(void **state)
{
	static const struct {
		u8 number;
		u8 on;
		bool own, unicast, multicast, broadcast;
	} steps[] = {
		{0, 1, true, true, true, true},	    {0, 0, true, false, false, true},
		{1, 1, true, false, true, true},    {2, 1, true, true, true, true},
		{3, 1, true, true, false, true},    {4, 1, false, false, false, true},
		{5, 1, false, false, false, false}, {0, 1, true, true, true, true},
		{0, 0, false, false, false, false}, {5, 0, false, false, false, true},
		{4, 0, true, true, false, true},    {3, 0, true, true, true, true},
		{2, 0, true, false, true, true},    {1, 0, true, false, false, true},
	};

	(void)state;
	assert_true(gets(MAC_A) && gets(group(1)) && gets(BROADCAST) && gets_tagged(MAC_A, 7));
	for (u32 i = 0; i < ARRAY_COUNT(steps); i++) {
		assert_int_equal(command_u8(0, steps[i].number, steps[i].on), 0);
		if (gets(OWN_MAC) != steps[i].own || gets(MAC_A) != steps[i].unicast ||
		    gets(group(1)) != steps[i].multicast || gets(BROADCAST) != steps[i].broadcast)
			fail_msg("step %u", i);
	}
}

/* Sets both tables to addresses that count from 0; returns the answer. */
static u8 set_tables(u32 unicast, u32 multicast, u32 cut)
{
	static u8 data[2 * 4 + 200 * NET_MAC_BYTES];
	u32 at = 4;

	memcpy(data, &unicast, 4);
	for (u32 i = 0; i < unicast; i++, at += NET_MAC_BYTES)
		memcpy(data + at, &(u64){0x02 | (u64)i << 40}, NET_MAC_BYTES);
	memcpy(data + at, &multicast, 4);
	at += 4;
	for (u32 i = 0; i < multicast; i++, at += NET_MAC_BYTES)
		memcpy(data + at, &(u64){group((u8)i)}, NET_MAC_BYTES);
	return command(1, 0, data, at - cut);
}

static void tables(void **state)
{
	(void)state;
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_int_equal(set_tables(11, 3, 0), 0);
	assert_true(gets(MAC_A) && gets(OWN_MAC) && gets(group(2)) && gets(BROADCAST));
	assert_false(gets(MAC_B) || gets(group(3)));
	assert_int_equal(set_tables(0, 64, 0), 0);
	assert_false(gets(MAC_A));
	assert_true(gets(group(63)));
	assert_false(gets(group(64)));
	assert_int_equal(set_tables(64, 0, 0), 0);
	assert_true(gets(MAC_B));
	assert_false(gets(group(0)));
}

/* With more addresses than there is room for, all of that kind match. */
static void tables_that_overflow(void **state)
{
	(void)state;
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_int_equal(set_tables(65, 1, 0), 0);
	assert_true(gets(0xff0000000002ull));
	assert_true(gets(group(0)));
	assert_false(gets(group(1)));
	assert_int_equal(set_tables(1, 100, 0), 0);
	assert_false(gets(0xff0000000002ull));
	assert_true(gets(group(200)));
}

/* Lengths that do not fit what they hold: an error, and the old tables stay. */
static void tables_that_are_none(void **state)
{
	const u32 huge[] = {0x2aaaaaab, 0, 0, 0}; /* times 6 this number is 2 in 32 bits */

	(void)state;
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_int_equal(set_tables(11, 3, 0), 0);
	for (u32 cut = 1; cut < 8 + 2 * NET_MAC_BYTES; cut++)
		assert_int_equal(set_tables(1, 1, cut), 1);
	assert_int_equal(command(1, 0, huge, sizeof(huge)), 1);
	assert_int_equal(command(1, 0, &(u32[]){0, ~0u}, 8), 1);
	assert_int_equal(command(1, 0, &(u32[]){0, 0, 0}, 12), 1);
	assert_true(gets(MAC_A) && gets(group(2)));
	assert_false(gets(MAC_B) || gets(group(3)));
}

static void vlans(void **state)
{
	(void)state;
	assert_true(gets_tagged(OWN_MAC, 5));
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_false(gets_tagged(OWN_MAC, 5));
	assert_true(gets(OWN_MAC));
	assert_int_equal(command_u16(2, 0, 5), 0);
	assert_int_equal(command_u16(2, 0, 4095), 0);
	assert_true(gets_tagged(OWN_MAC, 5) && gets_tagged(OWN_MAC, 4095));
	assert_false(gets_tagged(OWN_MAC, 4) || gets_tagged(OWN_MAC, 69) || gets_tagged(MAC_A, 5));
	assert_int_equal(command_u16(2, 1, 5), 0);
	assert_false(gets_tagged(OWN_MAC, 5));
	assert_true(gets_tagged(OWN_MAC, 4095));
	assert_int_equal(command_u16(2, 0, 4096), 1);
	assert_int_equal(command_u16(2, 0, 0xffff), 1);
	assert_int_equal(command_u16(2, 2, 5), 1);
	assert_int_equal(command_u8(2, 0, 5), 1);
}

static void address(void **state)
{
	(void)state;
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_int_equal(command(1, 1, &(u64){MAC_A}, 6), 0);
	assert_true(gets(MAC_A));
	assert_false(gets(OWN_MAC));
	assert_int_equal(get(CONFIG(0), 4), (u32)MAC_A);
	assert_int_equal(get(CONFIG(4), 2), MAC_A >> 32);
	assert_int_equal(command(1, 1, &(u64){group(1)}, 6), 1);
	assert_int_equal(command(1, 1, &(u64){0}, 6), 1);
	assert_int_equal(command(1, 1, &(u64){MAC_B}, 5), 1);
	assert_int_equal(command(1, 1, &(u64){MAC_B}, 7), 1);
	assert_int_equal(get(CONFIG(0), 4), (u32)MAC_A);
	set(STATUS_AT, 1, 0);
	assert_int_equal(get(CONFIG(0), 4), (u32)OWN_MAC);
}

static void pair_counts(void **state)
{
	(void)state;
	assert_int_equal(get(CONFIG(8), 2), 4);
	for (u32 count = 1; count <= 4; count++)
		assert_int_equal(command_u16(4, 0, (u16)count), 0);
	assert_int_equal(net.state.pairs, 4);
	assert_int_equal(command_u16(4, 0, 0), 1);
	assert_int_equal(command_u16(4, 0, 5), 1);
	assert_int_equal(command_u16(4, 0, 0x8001), 1);
	assert_int_equal(command_u16(4, 1, 1), 1); /* receive-side scaling is not offered */
	assert_int_equal(command_u8(4, 0, 1), 1);
	assert_int_equal(net.state.pairs, 4);
}

static void unknown_commands(void **state)
{
	(void)state;
	assert_int_equal(command_u8(0, 6, 1), 1);
	assert_int_equal(command(0, 0, NULL, 0), 1);
	assert_int_equal(command_u8(1, 2, 1), 1);
	assert_int_equal(command_u8(3, 1, 1), 1);
	assert_int_equal(command(5, 0, &(u64){0}, 8), 1);
	assert_int_equal(command_u8(255, 255, 255), 1);
	assert_false(needs_reset());
}

/* A command without the byte for its answer is obeyed; one without a command is not. */
static void odd_chains(void **state)
{
	const struct virtio_segment no_answer = SEGMENT(COMMAND_AT, 3);
	const struct virtio_segment no_command = SEGMENT(ANSWER_AT, 1);

	(void)state;
	memset(ram + COMMAND_AT, 0, 3);
	add_chain(8, &no_answer, 1, 1);
	add_chain(8, &no_command, 1, 0);
	ram[ANSWER_AT] = NO_ANSWER;
	notify(8);
	assert_int_equal(hear(8), 0);
	assert_int_equal(hear(8), 1);
	assert_int_equal(ram[ANSWER_AT], 1);
	assert_false(gets(MAC_A));
	assert_false(needs_reset());
}

/* Commands of features that were not taken; the control queue is the third then (5.1.2). */
static void without_features(void **state)
{
	teardown(state);
	setup_with(4, BIT(NET_F_CTRL_VQ));
	assert_int_equal(net_control_queue(&net), 2);
	assert_int_equal(command_u8(0, 0, 0), 1);
	assert_int_equal(set_tables(1, 1, 0), 1);
	assert_int_equal(command(1, 1, &(u64){MAC_A}, 6), 1);
	assert_int_equal(command_u16(2, 0, 5), 1);
	assert_int_equal(command(3, 0, NULL, 0), 1);
	assert_int_equal(command_u16(4, 0, 2), 1);
	assert_true(gets(MAC_A) && gets_tagged(MAC_A, 9));
	teardown(state);
	setup_with(4, BIT(NET_F_CTRL_VQ) | BIT(NET_F_CTRL_RX));
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_int_equal(command_u8(0, 2, 1), 1); /* the command needs CTRL_RX_EXTRA */
	assert_true(gets_tagged(OWN_MAC, 9));	  /* VLANs are not filtered */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(modes),
		TEST(tables),
		TEST(tables_that_overflow),
		TEST(tables_that_are_none),
		TEST(vlans),
		TEST(address),
		TEST(pair_counts),
		TEST(unknown_commands),
		TEST(odd_chains),
		TEST(without_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
