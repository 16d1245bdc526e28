/* SPDX-License-Identifier: MIT */
/* Ports come and go, clients die and come back, and some break the rules. */
#include "tests/unit/vmm/switch/switch_fixture.h"

static void come_and_go(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	assert_int_equal(told, 2);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	serve_all();
	assert_int_equal(shared.net.counts[1].sent_frames, 1);
	detach(1);
	assert_int_equal(told, 3);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	put_plain(0, BROADCAST, MAC(0), 60, 0);
	serve_all();
	expect_dropped(0, NET_DROP_NOBODY, 2);
	/* another client at the same place, whose counts begin anew */
	attach_port(1, (struct net_port){.mac = MAC(9)});
	assert_int_equal(shared.net.counts[1].sent_frames, 0);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	put_plain(0, MAC(9), MAC(0), 60, PAYLOAD(9));
	serve_all();
	expect_plain(1, MAC(9), MAC(0), 60, PAYLOAD(9));
	expect_nothing(1);
}

static void says_that_it_is_alive(void **state)
{
	(void)state;
	shared.asked = 7;
	port_take_commands();
	assert_int_equal(shared.answered, 7);
}

/* A client has another number without a 0 between: what was there is gone. */
static void exchanged_at_once(void **state)
{
	struct link_memory *memory;

	(void)state;
	attach(0);
	attach(1);
	memory = peers[1].memory;
	peers[1] = (struct peer){0};
	attach_port(1, (struct net_port){.mac = MAC(5)});
	put_plain(0, MAC(1), MAC(0), 60, 0);
	put_plain(0, MAC(5), MAC(0), 60, PAYLOAD(5));
	serve_all();
	expect_plain(1, MAC(5), MAC(0), 60, PAYLOAD(5));
	expect_dropped(0, NET_DROP_NOBODY, 1);
	free(memory);
}

/* All of a port goes: sets, addresses, turns. A signal that comes late finds nobody. */
static void nothing_is_left(void **state)
{
	static const struct port_sets empty;

	(void)state;
	attach(0);
	attach_port(1, (struct net_port){.mac = MAC(1), .flags = NET_PORT_TRUNK});
	attach_port(2, (struct net_port){.flags = NET_PORT_MIRROR});
	attach_port(3, (struct net_port){.flags = NET_PORT_UPLINK});
	attach_port(4, (struct net_port){.mac = MAC(4), .limit.units = 1});
	put_plain(3, MAC(0), BEHIND(3), 60, 0);
	for (u32 i = 0; i < 9; i++)
		put_plain(4, MAC(0), MAC(4), 60, 0);
	serve_all();
	assert_int_equal(port_sets.throttled, BIT(4));
	assert_int_equal(mac_table_count(), 1);
	for (u32 i = 0; i < 5; i++)
		detach(i);
	assert_memory_equal(&port_sets, &empty, sizeof(empty));
	assert_int_equal(mac_table_count(), 0);
	turn_wake(~0ull);
	assert_int_equal(turn_round(now), 0);
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(mac_table_find(mac_table_key(MAC(i), 0)), MAC_TABLE_NOBODY);
}

static void manager_raises_the_generation(u32 index)
{
	peers[index].memory->generation++;
}

/* A monitor was started anew: what was on its way is void, then it goes on as before. */
static void a_client_that_died(void **state)
{
	struct frame_header header;

	(void)state;
	attach(0);
	attach(1);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	serve_all();
	put_plain(1, MAC(0), MAC(1), 60, 0);
	manager_raises_the_generation(1);
	serve_all();
	expect_nothing(0);
	assert_true(link_renewed(&peers[1].end));
	assert_false(take_frame(1, &header));
	put_plain(0, MAC(1), MAC(0), 60, PAYLOAD(1));
	put_plain(1, MAC(0), MAC(1), 60, PAYLOAD(2));
	serve_all();
	expect_plain(1, MAC(1), MAC(0), 60, PAYLOAD(1));
	expect_plain(0, MAC(0), MAC(1), 60, PAYLOAD(2));
}

/* The switch was: the manager raises all generations, and it finds its ports as they are. */
static void the_switch_died(void **state)
{
	(void)state;
	attach(0);
	attach(1);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	memset(ports, 0, sizeof(ports));
	port_sets = (struct port_sets){0};
	mac_table_init(5, 6);
	for (u32 i = 0; i < 2; i++)
		manager_raises_the_generation(i);
	port_take_commands();
	assert_int_equal(shared.served[1], shared.client[1].number);
	turn_round(now);
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(peers[i].bells, 1);
		assert_true(link_renewed(&peers[i].end));
	}
	put_plain(0, MAC(1), MAC(0), 60, PAYLOAD(1));
	serve_all();
	expect_plain(1, MAC(1), MAC(0), 60, PAYLOAD(1));
	expect_nothing(1);
}

/*
 * A frame that the first port sends at once reaches ports that have had no turn, or are not there
 * yet.
 */
static void the_first_frame_of_a_life(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		attach(i);
	memset(ports, 0, sizeof(ports));
	port_sets = (struct port_sets){0};
	mac_table_init(5, 6);
	for (u32 i = 0; i < 3; i++)
		manager_raises_the_generation(i);
	for (u32 i = 0; i < 2; i++)
		assert_true(link_renewed(&peers[i].end));
	put_plain(0, BROADCAST, MAC(0), 60, PAYLOAD(1));
	port_take_commands();
	serve_all();
	expect_plain(1, BROADCAST, MAC(0), 60, PAYLOAD(1));
	assert_true(link_renewed(&peers[2].end));
	expect_plain(2, BROADCAST, MAC(0), 60, PAYLOAD(1));
	expect_dropped(1, NET_DROP_FULL, 0);
	expect_dropped(2, NET_DROP_FULL, 0);
}

/* A broken ring stays shut until the next generation, and takes no turns. */
static void a_broken_ring(void **state)
{
	struct link_line *line;

	(void)state;
	attach(0);
	attach(1);
	attach(2);
	line = &peers[1].memory->line[LINK_CLIENT];
	line->written += 2 * FRAMES_RING_BYTES;
	port_sets.active |= BIT(1);
	serve_all();
	assert_true(ports[1].end.broken);
	port_look();
	assert_int_equal(port_sets.active, 0);
	put_plain(0, MAC(1), MAC(0), 60, 0);
	put_plain(0, MAC(2), MAC(0), 60, PAYLOAD(2));
	serve_all();
	expect_plain(2, MAC(2), MAC(0), 60, PAYLOAD(2));
	assert_int_equal(dropped(1, NET_DROP_FULL), 1);
	manager_raises_the_generation(1);
	port_sets.active |= BIT(1);
	serve_all();
	assert_true(link_renewed(&peers[1].end));
	put_plain(0, MAC(1), MAC(0), 60, PAYLOAD(1));
	serve_all();
	expect_plain(1, MAC(1), MAC(0), 60, PAYLOAD(1));
}

/* Headers of no frame: lengths of 0 to 13 bytes, beyond 64 KiB, beyond what was written. */
static void lengths_that_no_frame_has(void **state)
{
	static const u32 lengths[] = {0,	 1, 13, 1000, FRAME_BYTES_MAX + 1, FRAME_SKIP - 1,
				      FRAME_SKIP};

	(void)state;
	attach(0);
	for (u32 i = 0; i < ARRAY_COUNT(lengths); i++) {
		struct frame_header header = {.bytes = lengths[i]};

		attach(1);
		memcpy((u8 *)peers[1].memory + PAGE_SIZE, &header, sizeof(header));
		peers[1].memory->line[LINK_CLIENT].written = 64;
		port_sets.active |= BIT(1);
		serve_all();
		assert_true(ports[1].end.broken);
		assert_int_equal(shared.net.counts[1].received_frames, 0);
		detach(1);
	}
	expect_nothing(0);
}

static void a_switch_full_of_ports(void **state)
{
	(void)state;
	for (u32 i = 0; i < NET_PORT_MAX; i++)
		attach(i);
	for (u32 i = 0; i < NET_PORT_MAX; i++)
		put_plain(i, MAC((i + 1) % NET_PORT_MAX), MAC(i), 60, (u8)i);
	put_plain(63, BROADCAST, MAC(63), 60, 99);
	serve_all();
	for (u32 i = 0; i < NET_PORT_MAX; i++) {
		u32 before = (i + NET_PORT_MAX - 1) % NET_PORT_MAX;

		expect_plain(i, MAC(i), MAC(before), 60, (u8)before);
		if (i != 63)
			expect_plain(i, BROADCAST, MAC(63), 60, 99);
		expect_nothing(i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(come_and_go),
		TEST(exchanged_at_once),
		TEST(nothing_is_left),
		TEST(a_client_that_died),
		TEST(the_switch_died),
		TEST(the_first_frame_of_a_life),
		TEST(a_broken_ring),
		TEST(says_that_it_is_alive),
		TEST(lengths_that_no_frame_has),
		TEST(a_switch_full_of_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
