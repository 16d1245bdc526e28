/* SPDX-License-Identifier: MIT */
/* The virtio console's further ports: control messages, names, input and output of each. */
#include "tests/unit/virtio_fixture.h"

#define MULTIPORT 2u
#define RECEIVE	  2u /* the queue of control messages to the guest */
#define TRANSMIT  3u
#define SIZE	  16u
#define MESSAGES  (BUFFERS + 0x2000)
#define ORDER	  (BUFFERS + 0x1000)
#define NAMED	  3u /* the port of the tests; ports 1 and 2 are not there */

static u32 orders;
static u32 heard;

static int setup(void **state)
{
	memset(fixture_port, 0, sizeof(fixture_port));
	memcpy(fixture_port[NAMED], "agent", 6);
	orders = 0;
	heard = 0;
	return pci_setup(state);
}

static void say(u32 port, u32 event, u32 value)
{
	ram_put(ORDER, 4, port);
	ram_put(ORDER + 4, 2, event);
	ram_put(ORDER + 6, 2, value);
	put_descriptor(TRANSMIT, orders % SIZE, ORDER, 8, 0, 0);
	offer(TRANSMIT, SIZE, orders++ % SIZE);
	kick(CONSOLE, TRANSMIT);
}

/* Buffers for control messages, 64 bytes each. */
static void listen(u32 count)
{
	for (u32 i = 0; i < count; i++) {
		put_descriptor(RECEIVE, i, MESSAGES + 64 * i, 64, WRITE, 0);
		offer(RECEIVE, SIZE, i);
	}
	kick(CONSOLE, RECEIVE);
}

static void assert_heard(u32 port, u32 event)
{
	u64 at = MESSAGES + 64ul * used_head(RECEIVE, heard++);

	assert_int_equal(ram_get(at, 4), port);
	assert_int_equal(ram_get(at + 4, 2), event);
	assert_int_equal(ram_get(at + 6, 2), 1);
}

static void up(u64 features)
{
	bring_up(CONSOLE, VERSION_1 | features, 6, SIZE);
}

static void introduced(void **state)
{
	(void)state;
	assert_int_equal(load(memory_of(CONSOLE) + AT_DEVICE + 4, 4), VIRTIO_CONSOLE_PORTS);
	assert_true((features_of(CONSOLE) & MULTIPORT) != 0);
	up(MULTIPORT);
	say(0, 0, 1);
	assert_int_equal(used_index(TRANSMIT), 1);
	assert_int_equal(used_index(RECEIVE), 0); /* there is no buffer yet: the messages wait */
	listen(SIZE);
	assert_heard(0, 1);
	assert_heard(NAMED, 1);
	assert_int_equal(used_index(RECEIVE), heard);
	say(0, 3, 1);
	assert_heard(0, 4);
	assert_heard(0, 6);
	say(NAMED, 3, 1);
	assert_heard(NAMED, 7);
	assert_int_equal(used_written(RECEIVE, heard - 1), 8 + 5);
	assert_memory_equal(ram + MESSAGES + 64 * (heard - 1) + 8, "agent", 5);
	assert_heard(NAMED, 6);
	assert_int_equal(used_index(RECEIVE), heard);
}

/* Ports that are not there, events that are not the driver's, half a message. */
static void nonsense(void **state)
{
	(void)state;
	up(MULTIPORT);
	listen(SIZE);
	say(1, 3, 1);
	say(VIRTIO_CONSOLE_PORTS, 3, 1);
	say(0xffffffff, 6, 1);
	say(NAMED, 1, 1);
	say(NAMED, 3, 0);
	say(NAMED, 0xffff, 1);
	put_descriptor(TRANSMIT, orders % SIZE, ORDER, 7, 0, 0);
	offer(TRANSMIT, SIZE, orders++ % SIZE);
	kick(CONSOLE, TRANSMIT);
	assert_int_equal(used_index(TRANSMIT), orders);
	assert_int_equal(used_index(RECEIVE), 0);
	assert_int_equal(status_of(CONSOLE), STATUS_UP);
}

static void bytes_of_a_port(void **state)
{
	struct virtio_console *console = fixture_platform.virtio_console;
	u32 queue = 4; /* the queue of port 1, which is not there */

	(void)state;
	up(MULTIPORT);
	memcpy(ram + BUFFERS, "lost", 4);
	put_descriptor(queue + 1, 0, BUFFERS, 4, 0, 0);
	offer(queue + 1, SIZE, 0);
	kick(CONSOLE, queue + 1);
	assert_int_equal(used_index(queue + 1), 1);
	assert_int_equal(printed_count, 0);
	assert_false(virtio_console_is_open(console, 0));
	say(0, 6, 1);
	assert_true(virtio_console_is_open(console, 0));
	say(1, 6, 1);
	assert_false(virtio_console_is_open(console, 1));
	say(0, 6, 0);
	assert_false(virtio_console_is_open(console, 0));
	set_status(CONSOLE, 0);
	say(0, 6, 1);
	assert_false(virtio_console_is_open(console, 0));
}

static void named_port(void **state)
{
	struct virtio_console *console = fixture_platform.virtio_console;
	u32 queue = 4;

	memcpy(fixture_port[1], "one", 4);
	(void)pci_setup(state);
	console = fixture_platform.virtio_console;
	up(MULTIPORT);
	memcpy(ram + BUFFERS, "out", 3);
	put_descriptor(queue + 1, 0, BUFFERS, 3, 0, 0);
	offer(queue + 1, SIZE, 0);
	kick(CONSOLE, queue + 1);
	assert_string_equal(printed, "out");
	assert_int_equal(printed_port, 1);
	put_descriptor(queue, 0, BUFFERS + 16, 8, WRITE, 0);
	offer(queue, SIZE, 0);
	assert_false(virtio_console_is_open(console, 1));
	say(1, 6, 1);
	assert_true(virtio_console_is_open(console, 1));
	assert_int_equal(virtio_console_input(console, 1, (const u8 *)"in", 2), 2);
	assert_memory_equal(ram + BUFFERS + 16, "in", 2);
	assert_int_equal(used_written(queue, 0), 2);
}

/* A driver that does not take the feature has port 0, as if there were no others. */
static void without_control(void **state)
{
	struct virtio_console *console = fixture_platform.virtio_console;

	(void)state;
	up(0);
	assert_true(virtio_console_is_open(console, 0));
	say(0, 0, 1);
	listen(2);
	assert_int_equal(used_index(TRANSMIT), 0);
	assert_int_equal(used_index(RECEIVE), 0);
}

static void states(void **state)
{
	struct device *device = &function_at(CONSOLE)->device;

	(void)state;
	up(MULTIPORT);
	say(0, 0, 1);
	say(NAMED, 6, 1);
	assert_round_trip(device);
	listen(4);
	assert_heard(0, 1);
	assert_heard(NAMED, 1);
	assert_load_refused(device, offsetof(struct virtio_console_state, messages), 16);
	assert_load_refused(device, offsetof(struct virtio_console_state, open), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(introduced, setup),
		cmocka_unit_test_setup(nonsense, setup),
		cmocka_unit_test_setup(bytes_of_a_port, setup),
		cmocka_unit_test_setup(named_port, setup),
		cmocka_unit_test_setup(without_control, setup),
		cmocka_unit_test_setup(states, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
