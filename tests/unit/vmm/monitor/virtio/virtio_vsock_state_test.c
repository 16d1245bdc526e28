/* SPDX-License-Identifier: MIT */
/* The socket device: how much it takes at once, and what resets and loaded states leave of it. */
#include "tests/unit/virtio_vsock_fixture.h"

/* All slots are in use, both ways; the next connection is refused. */
static void many(void **state)
{
	(void)state;
	vsock_up(SIZE);
	area.listen[0] = HOST_PORT;
	for (u32 i = 0; i < VSOCK_SLOTS_MANAGER; i++) {
		(void)open_by_host(i);
		give_buffers(1);
	}
	for (u32 i = 0; i < VSOCK_SLOTS - VSOCK_SLOTS_MANAGER; i++) {
		send_plain(VIO_VSOCK_REQUEST, 2000 + i, HOST_PORT);
		answer_guest(FIRST_GUEST + i, VSOCK_OPEN);
		receive_plain(VIO_VSOCK_RESPONSE, 2000 + i);
		give_buffers(1);
	}
	send_plain(VIO_VSOCK_REQUEST, 9999, HOST_PORT);
	receive_plain(VIO_VSOCK_RST, 9999);
	/* each connection has its bytes */
	for (u32 i = 0; i < VSOCK_SLOTS - VSOCK_SLOTS_MANAGER; i++) {
		u8 byte = (u8)i;

		send_bytes(2000 + i, HOST_PORT, &byte, 1);
		assert_int_equal(area.rings[FIRST_GUEST + i].output[0], i);
	}
	/* a connection that ended, and whose end the manager has seen, makes room */
	send_plain(VIO_VSOCK_RST, 2005, HOST_PORT);
	send_plain(VIO_VSOCK_REQUEST, 9998, HOST_PORT);
	receive_plain(VIO_VSOCK_RST, 9998);
	set_mark(FIRST_GUEST + 5, VSOCK_GONE);
	send_plain(VIO_VSOCK_REQUEST, 9998, HOST_PORT);
	assert_int_equal(mark_of(FIRST_GUEST + 5), VSOCK_ASKS);
}

/* One connection's bytes do not keep the others waiting. */
static void fair(void **state)
{
	u32 seen = 0;
	const u8 *bytes;

	(void)state;
	vsock_up(3);
	for (u32 i = 0; i < 3; i++)
		(void)open_by_host(i); /* this connection takes all buffers */
	for (u32 i = 0; i < 3; i++)
		write_bytes(i, pattern, 4000);
	for (u32 i = 0; i < 3; i++) {
		give_buffer(HEADER + 10);
		kick(VSOCK, VSOCK_QUEUE_RECEIVE);
		seen |= 1u << (receive_packet(&bytes).source_port % VSOCK_SLOTS);
	}
	assert_int_equal(seen, 7);
}

/*
 * Without buffers for the answers the device takes no more packets, and goes on once there are
 * buffers.
 */
static void no_buffers(void **state)
{
	(void)state;
	vsock_up(0);
	for (u32 i = 0; i < SIZE; i++) {
		struct vio_vsock_header header = packet(VIO_VSOCK_REQUEST, i, HOST_PORT);

		offer_packet(&header, NULL, 0);
	}
	kick(VSOCK, VSOCK_QUEUE_TRANSMIT);
	assert_int_equal(used_index(VSOCK_QUEUE_TRANSMIT), VIRTIO_VSOCK_STRAYS);
	give_buffers(SIZE);
	device_tick(&the_vsock()->virtio.function.device);
	assert_int_equal(used_index(VSOCK_QUEUE_TRANSMIT), SIZE);
	device_tick(&the_vsock()->virtio.function.device);
	assert_int_equal(packets_waiting(), SIZE);
}

/* A doorbell that is rung before the old connections are forgotten is heard then. */
static void driver_is_early(void **state)
{
	(void)state;
	fixture_platform.events.pending = 0;
	bring_up(VSOCK, VERSION_1 | VIO_VSOCK_F_STREAM, VSOCK_QUEUES, SIZE);
	assert_true((fixture_platform.events.pending & MACHINE_LOOK) != 0);
	fixture_platform.events.pending = 0;
	give_buffers(1);
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	assert_int_equal(used_index(VSOCK_QUEUE_TRANSMIT), 0);
	assert_true((fixture_platform.events.pending & MACHINE_LOOK) != 0);
	virtio_vsock_poll(the_vsock());
	device_tick(&the_vsock()->virtio.function.device);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
}

/* Without a driver calls are refused, and no slot waits for a packet that nobody takes. */
static void no_driver(void **state)
{
	(void)state;
	virtio_vsock_poll(the_vsock());
	for (u32 i = 0; i < 3; i++) {
		call_guest(0, GUEST_PORT);
		assert_int_equal(area.slot[0].monitor_word, vsock_word(i + 1, VSOCK_GONE));
		set_mark(0, VSOCK_GONE);
	}
	vsock_up(SIZE);
	(void)open_by_host(0);
	set_command(VSOCK, 0); /* the device may not use memory any more */
	set_mark(0, VSOCK_GONE);
	assert_int_equal(mark_of(0), VSOCK_GONE);
}

/* The guest's driver begins anew: both sides forget. */
static void driver_resets(void **state)
{
	u32 host_port;

	(void)state;
	vsock_up(SIZE);
	host_port = open_by_host(0);
	open_by_guest();
	vsock_up(SIZE);
	assert_int_equal(mark_of(0), VSOCK_GONE);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
	assert_int_equal(packets_waiting(), 0);
	assert_int_equal(used_index(VSOCK_QUEUE_EVENT), 0);
	send_bytes(GUEST_PORT, host_port, pattern, 10);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	/* the manager has to see the reset before a slot is used again */
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
	assert_int_equal(mark_of(FIRST_GUEST + 1), VSOCK_ASKS);
}

static u64 saved[sizeof(struct virtio_vsock_state) / sizeof(u64)];

static void save(void)
{
	assert_int_equal(device_save(&function_at(VSOCK)->device, saved, sizeof(saved)), STATUS_OK);
}

static void load_saved(void)
{
	assert_int_equal(device_load(&function_at(VSOCK)->device, saved, sizeof(saved)), STATUS_OK);
}

static void give_event_buffer(u32 number)
{
	put_descriptor(VSOCK_QUEUE_EVENT, number, RAM_BYTES - 64, 4, WRITE, 0);
	offer(VSOCK_QUEUE_EVENT, SIZE, number);
	kick(VSOCK, VSOCK_QUEUE_EVENT);
}

/*
 * In a clone, and after a restore, connections are reset on both sides. The process writes nothing
 * to the area before the machine goes on in it.
 */
static void loaded(void **state)
{
	static struct vsock_area before;

	(void)state;
	vsock_up(SIZE);
	(void)open_by_host(0);
	open_by_guest();
	write_bytes(0, pattern, 100);
	(void)receive_packet(NULL);
	give_event_buffer(0);
	save();
	ram_put(RAM_BYTES - 64, 4, 0x55);
	before = area;
	load_saved();
	assert_memory_equal(&area, &before, sizeof(area));
	assert_int_equal(used_index(VSOCK_QUEUE_EVENT), 0);
	virtio_vsock_poll(the_vsock());
	assert_int_equal(mark_of(0), VSOCK_GONE);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
	assert_int_equal(used_index(VSOCK_QUEUE_EVENT), 1);
	assert_int_equal(used_written(VSOCK_QUEUE_EVENT, 0), 4);
	assert_int_equal(ram_get(RAM_BYTES - 64, 4), VIO_VSOCK_TRANSPORT_RESET);
	assert_int_equal(packets_waiting(), 0);
	/* the device works, with credit as on the first day */
	set_mark(0, VSOCK_GONE);
	write_bytes(0, pattern, 50);
	(void)open_by_host(0);
	assert_int_equal(the_vsock()->connection[0].input_read, 0);
	write_bytes(0, pattern, 70);
	assert_int_equal(receive_packet(NULL).bytes, 70);
}

/* The event waits for a buffer, also over another save, and nothing overtakes it. */
static void loaded_without_event_buffer(void **state)
{
	(void)state;
	vsock_up(SIZE);
	save();
	load_saved();
	virtio_vsock_poll(the_vsock());
	call_guest(0, GUEST_PORT);
	assert_int_equal(packets_waiting(), 0);
	save();
	load_saved();
	virtio_vsock_poll(the_vsock());
	assert_int_equal(the_vsock()->state.reset_owed, 1);
	assert_int_equal(packets_waiting(), 0);
	give_event_buffer(0);
	assert_int_equal(used_index(VSOCK_QUEUE_EVENT), 1);
	assert_int_equal(the_vsock()->state.reset_owed, 0);
	assert_int_equal(used_index(VSOCK_QUEUE_EVENT), 1);
}

/* Saved with an answer that the guest had no buffer for: the clone owes it to nobody. */
static void loaded_with_answers_pending(void **state)
{
	(void)state;
	vsock_up(0);
	area.listen[0] = HOST_PORT;
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, HOST_PORT);
	answer_guest(FIRST_GUEST, VSOCK_OPEN);
	send_plain(VIO_VSOCK_REQUEST, GUEST_PORT, 77); /* an RST waits, too */
	write_bytes(FIRST_GUEST, pattern, 100);
	save();
	load_saved();
	virtio_vsock_poll(the_vsock());
	give_event_buffer(0);
	give_buffers(8);
	assert_int_equal(packets_waiting(), 0);
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
}

/* A guest without a driver believes in no connection. */
static void loaded_without_driver(void **state)
{
	(void)state;
	save();
	load_saved();
	virtio_vsock_poll(the_vsock());
	assert_int_equal(the_vsock()->state.reset_owed, 0);
	saved[offsetof(struct virtio_vsock_state, reset_owed) / sizeof(u64)] = 2;
	assert_int_equal(device_load(&function_at(VSOCK)->device, saved, sizeof(saved)),
			 STATUS_BAD_FORMAT);
}

/* If the manager goes bad, only its own bytes are wrong. */
static void bad_manager(void **state)
{
	u32 host_port;

	(void)state;
	vsock_up(SIZE);
	host_port = open_by_host(0);
	area.slot[0].input_written = ~0u;
	ring_bell();
	assert_int_equal(packets_waiting(), 0);
	area.slot[0].output_read = 0x12345678;
	send_bytes(GUEST_PORT, host_port, pattern, 10);
	receive_plain(VIO_VSOCK_RST, GUEST_PORT);
	area.slot[FIRST_GUEST].manager_word = vsock_word(5, VSOCK_OPEN);
	area.slot[2].manager_word = 7;
	ring_bell();
	assert_int_equal(mark_of(FIRST_GUEST), VSOCK_GONE);
	assert_int_equal(packets_waiting(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(many, vsock_setup),
		cmocka_unit_test_setup(fair, vsock_setup),
		cmocka_unit_test_setup(no_buffers, vsock_setup),
		cmocka_unit_test_setup(driver_is_early, vsock_setup),
		cmocka_unit_test_setup(no_driver, vsock_setup),
		cmocka_unit_test_setup(driver_resets, vsock_setup),
		cmocka_unit_test_setup(loaded, vsock_setup),
		cmocka_unit_test_setup(loaded_without_event_buffer, vsock_setup),
		cmocka_unit_test_setup(loaded_with_answers_pending, vsock_setup),
		cmocka_unit_test_setup(loaded_without_driver, vsock_setup),
		cmocka_unit_test_setup(bad_manager, vsock_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
