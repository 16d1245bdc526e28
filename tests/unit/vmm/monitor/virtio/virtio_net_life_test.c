/* SPDX-License-Identifier: MIT */
/* virtio-net over time: other switches, link state, resets, saved machines. */
#include "tests/unit/virtio_net_fixture.h"

#include <pthread.h>

#define HEADER_BYTES 12u
#define LINK_UP	     1u
#define ANNOUNCE     2u

static u64 saved[(256 * KIB) / 8];
static size_t saved_bytes;

static void save_machine(void)
{
	assert_int_equal(platform_save(&platform, 15, saved, sizeof(saved), &saved_bytes),
			 STATUS_OK);
}

static void load_machine(void)
{
	assert_int_equal(platform_load(&platform, 15, saved, saved_bytes), STATUS_OK);
}

static void what_the_guest_reads(void **state)
{
	const u32 all = 0x00ff99ab | 1u << VIRTIO_F_INDIRECT_DESC | 1u << VIRTIO_F_EVENT_IDX;

	(void)state;
	assert_int_equal(pci_config_read(&net.virtio.function, 0, 4), 0x10411af4);
	assert_int_equal(net.virtio.function.slot, 10);
	assert_int_equal(get(CONFIG(0), 4), 0x03020102);
	assert_int_equal(get(CONFIG(4), 2), 0x5604);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
	assert_int_equal(get(CONFIG(8), 2), 4);
	assert_int_equal(get(CONFIG(10), 2), 1500);
	assert_int_equal(get(CONFIG(5), 1), 0x56);
	assert_int_equal(get(CONFIG(12), 4), 0);
	set(CONFIG(0), 4, 7); /* the guest may not write this field */
	assert_int_equal(get(CONFIG(0), 4), 0x03020102);
	set(AT_COMMON, 4, 0);
	assert_int_equal(get(AT_COMMON + 4, 4), all);
	assert_int_equal(get(AT_COMMON + 0x12, 2), 9); /* the number of queues */
	teardown(state);
	setup_with(1, ALL_FEATURES);
	set(AT_COMMON, 4, 0);
	assert_int_equal(get(AT_COMMON + 4, 4), all & ~(1u << NET_F_MQ));
	assert_int_equal(get(AT_COMMON + 0x12, 2), 3);
	assert_int_equal(get(CONFIG(8), 2), 1);
}

static void link_state(void **state)
{
	(void)state;
	(void)get(AT_ISR, 1);
	wire_about()->flags = 0;
	virtio_net_poll_link(&net);
	assert_int_equal(get(CONFIG(6), 2), 0);
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_CONFIG);
	virtio_net_poll_link(&net);
	assert_int_equal(get(AT_ISR, 1), 0);
	add_buffers(0, 0, 1, 1526);
	give(60);
	assert_int_equal(used_new(0), 0);
	assert_int_equal(net.counts.lost[NET_LOSS_NOBODY], 1);
	wire_about()->flags = NET_LINK_UP;
	wire_about()->mtu = 9000;
	virtio_net_poll_link(&net);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
	assert_int_equal(get(CONFIG(10), 2), 9000);
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_CONFIG);
	give(60);
	expect_received(0, 0, 60);
	wire_about()->mtu = ~0u; /* a value of whoever can write there */
	virtio_net_poll_link(&net);
	assert_int_equal(get(CONFIG(10), 2), NET_MTU_MAX);
}

/*
 * With another switch, frames on their way are void; then both directions go on, and the guest
 * announces itself.
 */
static void another_switch(void **state)
{
	(void)state;
	add_buffers(0, 0, 4, 1526);
	send(100);
	(void)hear(1);
	(void)get(AT_ISR, 1);
	new_switch();
	rings = 0;
	virtio_net_poll_link(&net);
	assert_int_equal(rings, 1);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP | ANNOUNCE);
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_CONFIG);
	expect_no_frame();
	assert_int_equal(link_wish_of_peer(&port),
			 NET_WISH_CHECKSUM | NET_WISH_TCP4 | NET_WISH_TCP6);
	send(101);
	expect_frame(ram + SEND_AT + HEADER_BYTES, 101);
	give(61);
	expect_received(0, 0, 61);
	assert_int_equal(command(3, 0, NULL, 0), 0);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
}

/* A guest that did not say that it can announce itself is not asked to. */
static void not_asked_to_announce(void **state)
{
	teardown(state);
	setup_with(1, ~BIT(NET_F_GUEST_ANNOUNCE));
	(void)get(AT_ISR, 1);
	new_switch();
	virtio_net_poll_link(&net);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
	assert_int_equal(get(AT_ISR, 1), 0);
}

/* Frames that waited for room, and one that waited for buffers, do not hold up what follows. */
static void another_switch_while_full(void **state)
{
	const struct net_header header = {0};
	const struct virtio_segment segment = SEGMENT(SEND_AT, HEADER_BYTES + 9000);

	(void)state;
	(void)fill_frame(9000);
	memcpy(ram + SEND_AT, &header, sizeof(header));
	for (u32 i = 0; i < 100; i++)
		add_chain(1, &segment, 1, 1);
	notify(1);
	assert_true(used_new(1) < 100);
	add_buffers(0, 0, 1, 500);
	give(600);
	assert_true(net.hungry && net.full != 0);
	new_switch();
	virtio_net_poll_link(&net);
	assert_int_equal(used_new(1), 100);
	give(60);
	assert_int_equal(hear(0), 60 + HEADER_BYTES);
}

/*
 * Frames from before the driver was up do not reach it; nothing of the old driver's is left behind.
 */
static void resets(void **state)
{
	(void)state;
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_int_equal(command_u16(4, 0, 4), 0);
	assert_int_equal(command_u16(2, 0, 7), 0);
	give(60); /* there are no buffers */
	set(STATUS_AT, 1, 0);
	assert_int_equal(link_wish_of_peer(&port), 0);
	give(61);
	start_device(ALL_FEATURES);
	add_buffers(0, 0, 2, 1526);
	assert_int_equal(used_new(0), 0);
	assert_int_equal(net.counts.lost[NET_LOSS_EARLY], 2);
	give(62);
	expect_received(0, 0, 62);
	assert_int_equal(net.state.mode, NET_MODE_PROMISCUOUS);
	assert_int_equal(net.state.pairs, 1);
	for (u32 i = 0; i < ARRAY_COUNT(net.state.vlan); i++)
		assert_int_equal(net.state.vlan[i], 0);
}

static bool over;

/* A switch that adds frames, the same ones again, as fast as they are discarded. */
static void *add_without_end(void *written)
{
	(void)written;
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&net.counts.lost[NET_LOSS_EARLY], __ATOMIC_RELAXED) < 1000000)
		__atomic_store_n(&wire->line[LINK_SERVER].written,
				 __atomic_load_n(&net.end.read, __ATOMIC_RELAXED) +
					 FRAMES_RING_BYTES / 2,
				 __ATOMIC_RELAXED);
	return NULL;
}

static void discards_no_more_than_a_ring(void **state)
{
	const struct frame_header header = {.bytes = FRAME_BYTES_MIN};
	u8 *ring = (u8 *)wire + PAGE_SIZE + FRAMES_RING_BYTES;
	u64 started;
	pthread_t thread;

	(void)state;
	set(STATUS_AT, 1, 0);
	started = net.counts.lost[NET_LOSS_EARLY];
	for (u32 at = 0; at < FRAMES_RING_BYTES; at += 2 * FRAME_ALIGN)
		memcpy(ring + at, &header, sizeof(header));
	__atomic_store_n(&over, false, __ATOMIC_RELAXED);
	assert_int_equal(pthread_create(&thread, NULL, add_without_end, NULL), 0);
	while (__atomic_load_n(&wire->line[LINK_SERVER].written, __ATOMIC_RELAXED) == 0)
		;
	net_discard(&net);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_in_range(net.counts.lost[NET_LOSS_EARLY] - started, 1,
			FRAMES_RING_BYTES / (2 * FRAME_ALIGN));
}

/* The guest's memory is not touched while the device is not to. */
static void not_bus_master(void **state)
{
	(void)state;
	add_buffers(0, 0, 1, 1526);
	pci_config_write(&net.virtio.function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	give(60);
	send(60);
	assert_int_equal(used_new(0) + used_new(1), 0);
	expect_no_frame();
	pci_config_write(&net.virtio.function, PCI_COMMAND, 2,
			 PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	virtio_net_poll_link(&net);
	expect_received(0, 0, 60);
	notify(1);
	expect_frame(ram + SEND_AT + HEADER_BYTES, 60);
}

/* In place, as when devices are made anew under traffic: no frame is lost or comes twice. */
static void loaded_in_place(void **state)
{
	(void)state;
	assert_int_equal(command_u8(0, 0, 0), 0);
	assert_int_equal(command_u16(4, 0, 3), 0);
	add_buffers(0, 0, 1, 1526);
	give(60);
	give(61); /* the frame waits for a buffer */
	save_machine();
	device_reset(&net.virtio.function.device);
	load_machine();
	virtio_net_poll_link(&net);
	platform_tick(&platform, 0);
	assert_int_equal(used_new(0), 1);
	add_buffers(0, 1, 1, 1526);
	expect_received(0, 0, 60);
	expect_received(0, 1, 61);
	assert_int_equal(lost_in_all(), 0);
	assert_int_equal(net.state.pairs, 3);
	assert_int_equal(net.state.mode, 0);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP); /* nobody has to be told */
	assert_int_equal(link_wish_of_peer(&port),
			 NET_WISH_CHECKSUM | NET_WISH_TCP4 | NET_WISH_TCP6);
}

/* A state is loaded into another machine, with a switch of its own. */
static void loaded_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(command(1, 1, &(u64){0x0a0000000002ull}, 6), 0);
	add_buffers(0, 0, 1, 1526);
	save_machine();
	make_wire();
	wire_about()->flags = 0;
	power_on();
	load_machine();
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
	(void)get(AT_ISR, 1);
	virtio_net_poll_link(&net);
	assert_int_equal(get(CONFIG(6), 2), 0);
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_CONFIG);
	assert_int_equal(get(CONFIG(4), 2), 0x0a00); /* the guest's word */
	wire_about()->flags = NET_LINK_UP;
	give(60);
	expect_received(0, 0, 60);
}

/*
 * A state is loaded into a machine whose card has another address: the driver knows the old
 * address, and has no link until it begins anew. A machine that is saved and loaded in between
 * knows that too.
 */
static void another_address(void **state)
{
	(void)state;
	add_buffers(0, 0, 1, 1526);
	save_machine();
	make_wire();
	wire_about()->mac = 0x0c0000000002ull;
	for (u32 i = 0; i < 2; i++) {
		power_on();
		load_machine();
		virtio_net_poll_link(&net);
		assert_int_equal(get(CONFIG(6), 2) & LINK_UP, 0);
		give(60);
		send(60);
		assert_int_equal(used_new(0), 0);
		expect_no_frame();
		assert_int_equal(net.state.own_mac, OWN_MAC);
		save_machine();
	}
	start_device(ALL_FEATURES);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
	assert_int_equal(get(CONFIG(4), 2), 0x0c00);
	save_machine();
	load_machine();
	virtio_net_poll_link(&net);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
	add_buffers(0, 0, 1, 1526);
	give(60);
	expect_received(0, 0, 60);
}

/*
 * The same with a driver that had not begun: it finds the card's own address and a link, without a
 * reset of its own.
 */
static void another_address_before_the_driver(void **state)
{
	(void)state;
	set(AT_COMMON + 0x14, 1, 0);
	set(AT_COMMON + 0x14, 1, VIRTIO_ACKNOWLEDGE);
	save_machine();
	make_wire();
	wire_about()->mac = 0x0c0000000002ull;
	power_on();
	load_machine();
	virtio_net_poll_link(&net);
	assert_int_equal(get(CONFIG(6), 2), LINK_UP);
	assert_int_equal(get(CONFIG(4), 2), 0x0c00);
	assert_int_equal(net.state.own_mac, 0x0c0000000002ull);
}

static struct virtio_net_state *saved_state(void)
{
	return (struct virtio_net_state *)(platform_find(saved, STATE_VIRTIO_NET, 0) + 1);
}

static void states_that_cannot_be(void **state)
{
	struct virtio_net_state good;
	struct virtio_net_state *bad;

	(void)state;
	save_machine();
	bad = saved_state();
	good = *bad;
	for (u32 i = 0; i < 10; i++) {
		*bad = good;
		switch (i) {
		/* clang-format off */
		case 0: bad->mac = 1ull << 48; break;
		case 1: bad->link_up = 2; break;
		case 2: bad->announce = 2; break;
		case 3: bad->mode = NET_MODE_END; break;
		case 4: bad->pairs = 0; break;
		case 5: bad->pairs = VIRTIO_NET_PAIRS + 1; break;
		case 6: bad->unicast.count = VIRTIO_NET_ADDRESSES + 2; break;
		case 7: bad->multicast.count = ~0u; break;
		case 8: bad->virtio.queue[0].size = 3; break;
		case 9: bad->own_mac = 1ull << 48; break;
			/* clang-format on */
		}
		if (platform_load(&platform, 15, saved, saved_bytes) != STATUS_BAD_FORMAT)
			fail_msg("state %u is loaded", i);
	}
	*bad = good;
	load_machine();
}

/* A saved machine with more pairs than this one has. */
static void more_pairs_than_there_are(void **state)
{
	teardown(state);
	setup_with(1, ALL_FEATURES);
	add_buffers(0, 0, 2, 1526);
	net.state.pairs = 4;
	net.state.virtio.driver_features |= BIT(NET_F_MQ);
	memset(net.flow, 3, sizeof(net.flow));
	give(60);
	expect_received(0, 0, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_guest_reads),
		TEST(link_state),
		TEST(another_switch),
		TEST(not_asked_to_announce),
		TEST(another_switch_while_full),
		TEST(resets),
		TEST(discards_no_more_than_a_ring),
		TEST(not_bus_master),
		TEST(loaded_in_place),
		TEST(loaded_elsewhere),
		TEST(another_address),
		TEST(another_address_before_the_driver),
		TEST(states_that_cannot_be),
		TEST(more_pairs_than_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
