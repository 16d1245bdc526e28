/* SPDX-License-Identifier: MIT */
/* Virtio over PCI: capabilities, status, features, queue registers, interrupts; rng and console. */
#include "tests/unit/virtio_fixture.h"

static const u8 order[] = {CAP_COMMON, CAP_NOTIFY, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_PCI};

/*
 * The first of each kind is in memory, as many drivers look no further; the doorbell is in ports as
 * well. Each lies inside its BAR.
 */
static void capabilities(void **state)
{
	u32 found = 0;

	(void)state;
	for (u32 at = config_in(CONSOLE, PCI_CAPABILITIES, 1); at != 0;
	     at = config_in(CONSOLE, at + 1, 1)) {
		u32 bar = config_in(CONSOLE, at + CAP_BAR, 1);

		assert_int_equal(at % 4, 0);
		if (config_in(CONSOLE, at, 1) != PCI_CAP_VENDOR)
			continue;
		assert_int_equal(config_in(CONSOLE, at + CAP_TYPE, 1), order[found]);
		assert_int_equal(config_in(CONSOLE, at + CAP_LENGTH, 1),
				 order[found] == CAP_NOTIFY || order[found] == CAP_PCI ? 20 : 16);
		if (order[found] == CAP_NOTIFY)
			assert_int_equal(bar, found == 1 ? BAR_MEMORY : BAR_DOORBELL);
		if (order[found] != CAP_NOTIFY && order[found] != CAP_PCI)
			assert_int_equal(bar, BAR_MEMORY);
		assert_true(config_in(CONSOLE, at + CAP_OFFSET, 4) +
				    config_in(CONSOLE, at + CAP_AREA, 4) <=
			    function_at(CONSOLE)->bar[bar].bytes);
		found++;
	}
	assert_int_equal(found, ARRAY_COUNT(order));
}

/* Every status from every status: which are taken. */
static void status_steps(void **state)
{
	static const u8 reached[] = {0, 1, 3, 0xb, 0xf, 0x80, 0x81, 0x83, 0x8b, 0x8f};
	u32 taken = 0;

	(void)state;
	for (u32 from = 0; from < ARRAY_COUNT(reached); from++)
		for (u32 to = 0; to < 256; to++) {
			set_status(RNG, 0);
			for (u32 i = 0; i < 5; i++)
				if ((reached[i] & (reached[from] & 0xf)) == reached[i]) {
					set_status(RNG, reached[i]);
					if (reached[i] == 3)
						set_features(RNG, VERSION_1);
				}
			if ((reached[from] & 0x80) != 0)
				set_status(RNG, reached[from]);
			assert_int_equal(status_of(RNG), reached[from]);
			set_status(RNG, (u8)to);
			if (status_of(RNG) == reached[from])
				continue;
			taken++;
			/* only 0 takes a bit back; steps are taken one by one */
			assert_true(to == 0 || (status_of(RNG) & reached[from]) == reached[from]);
			assert_true(to == 0 || (to & 0x80) != 0 ||
				    ((to | reached[from]) & ~0x40u) == 3 ||
				    __builtin_popcount(to & ~reached[from] & ~0x40u) == 1);
		}
	/*
	 * The number of steps taken, each with and without NEEDS_RESET, and with any of the bits
	 * that are there already: from 0 two steps, then one each until DRIVER_OK; FAILED from 5; 0
	 * from all but 0.
	 */
	assert_int_equal(taken, 2 * (2 + 2 + 4 + 8) + 2 * (1 + 2 + 4 + 8 + 16) + 9);
}

static void features(void **state)
{
	(void)state;
	assert_true(features_of(RNG) == (VERSION_1 | EVENTS | INDIRECTS));
	common_out(RNG, COMMON_DEVICE_SELECT, 4, 2);
	assert_int_equal(common_in(RNG, COMMON_DEVICE_FEATURE, 4), 0);
	negotiate(RNG, EVENTS); /* NuttX takes these features */
	assert_int_equal(status_of(RNG), 0xb);
	negotiate(RNG, VERSION_1 | 1); /* the feature was never offered */
	assert_int_equal(status_of(RNG), 3);
	common_out(RNG, COMMON_DRIVER_SELECT, 4, 2);
	common_out(RNG, COMMON_DRIVER_FEATURE, 4, ~0u);
	set_features(RNG, VERSION_1);
	set_status(RNG, 0xb);
	assert_int_equal(status_of(RNG), 0xb);
	set_features(RNG, VERSION_1 | EVENTS); /* the features come too late */
	common_out(RNG, COMMON_DRIVER_SELECT, 4, 0);
	assert_int_equal(common_in(RNG, COMMON_DRIVER_FEATURE, 4), 0);
}

/* Returns what a queue's registers say, as one number. */
static u64 queue_registers(void)
{
	u64 sum = 0;

	for (u32 at = COMMON_QUEUE_SIZE; at < 0x38; at += 4)
		sum = sum * 31 + common_in(RNG, at, 4);
	return sum;
}

static void scribble(void)
{
	setup_queue(RNG, 0, 4);
	set_address(RNG, COMMON_QUEUE_USED, 0x123450);
	common_out(RNG, COMMON_QUEUE_ENABLE, 2, 1);
}

/*
 * A queue's registers are set only between DRIVER and DRIVER_OK, and not once the queue is enabled.
 */
static void queue_registers_are_set_once(void **state)
{
	u64 before = queue_registers();

	(void)state;
	scribble();
	assert_true(queue_registers() == before);
	set_status(RNG, 1);
	scribble();
	assert_true(queue_registers() == before);
	negotiate(RNG, VERSION_1);
	common_out(RNG, COMMON_QUEUE_SIZE, 2, 3);
	common_out(RNG, COMMON_QUEUE_SIZE, 2, 0);
	common_out(RNG, COMMON_QUEUE_SIZE, 2, 2 * VIRTIO_RNG_QUEUE_SIZE);
	common_out(RNG, COMMON_QUEUE_SIZE, 2, 0x8000);
	common_out(RNG, COMMON_QUEUE_SIZE, 4, 2);
	common_out(RNG, COMMON_QUEUE_ENABLE, 2, 2);
	assert_true(queue_registers() == before);
	common_out(RNG, COMMON_QUEUE_SELECT, 2, 1);
	assert_int_equal(common_in(RNG, COMMON_QUEUE_SIZE, 2), 0);
	common_out(RNG, COMMON_QUEUE_SELECT, 2, 0xffff);
	assert_int_equal(common_in(RNG, COMMON_QUEUE_SIZE, 4), 0);
	scribble(); /* the call selects queue 0 */
	assert_int_equal(common_in(RNG, COMMON_QUEUE_ENABLE, 2), 1);
	before = queue_registers();
	setup_queue(RNG, 0, 8);
	set_status(RNG, STATUS_UP);
	setup_queue(RNG, 0, 8);
	assert_true(queue_registers() == before);
	set_status(RNG, 0);
	assert_int_equal(common_in(RNG, COMMON_QUEUE_SIZE, 2), VIRTIO_RNG_QUEUE_SIZE);
	assert_int_equal(common_in(RNG, COMMON_QUEUE_ENABLE, 2), 0);
}

/* Rings that are not RAM or not aligned: the queue stays off, and the device says why. */
static void rings_outside_memory(void **state)
{
	static const struct {
		u32 at;
		u64 address;
	} bad[] = {
		{COMMON_QUEUE_DESCRIPTORS, 8},
		{COMMON_QUEUE_DESCRIPTORS, RAM_BYTES - 112},
		{COMMON_QUEUE_DESCRIPTORS, 0xfee00000},
		{COMMON_QUEUE_AVAILABLE, 1},
		{COMMON_QUEUE_AVAILABLE, RAM_BYTES - 20},
		{COMMON_QUEUE_USED, 2},
		{COMMON_QUEUE_USED, RAM_BYTES - 68},
		{COMMON_QUEUE_USED, ~7ull},
		{COMMON_QUEUE_DESCRIPTORS, 0xa0000},
		{COMMON_QUEUE_USED, 0x9fff0},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bad); i++) {
		negotiate(RNG, VERSION_1);
		setup_queue(RNG, 0, 8);
		set_address(RNG, bad[i].at, bad[i].address);
		enable_queue(RNG, 0);
		assert_int_equal(common_in(RNG, COMMON_QUEUE_ENABLE, 2), 0);
		assert_int_equal(status_of(RNG), 0x4b);
	}
	set_status(RNG, 0);
	assert_int_equal(status_of(RNG), 0);
}

static void request_entropy(u32 bytes)
{
	put_descriptor(0, 0, BUFFERS, bytes, WRITE, 0);
	offer(0, 8, 0);
	kick(RNG, 0);
}

static void rng_by_pin(void **state)
{
	(void)state;
	bring_up(RNG, VERSION_1, 1, 8);
	request_entropy(100);
	assert_int_equal(used_index(0), 1);
	assert_int_equal(used_written(0, 0), 100);
	assert_int_equal(ram[BUFFERS + 99], 0x5a);
	assert_int_equal(ram[BUFFERS + 100], 0);
	assert_true(fixture_line[PCI_LINE_FIRST + RNG]);
	assert_int_equal(load(memory_of(RNG) + AT_ISR, 1), 1);
	assert_false(fixture_line[PCI_LINE_FIRST + RNG]);
	assert_int_equal(load(memory_of(RNG) + AT_ISR, 1), 0);
	request_entropy(0x10000); /* more than one request is given */
	assert_int_equal(used_written(0, 1), VIRTIO_RNG_REQUEST_MAX);
	assert_int_equal(message_count, 0);
}

/*
 * The order of Little Kernel works too: addresses in one piece, and FEATURES_OK after the queues.
 */
static void rng_in_another_order(void **state)
{
	u64 common = memory_of(RNG) + AT_COMMON;

	(void)state;
	set_command(RNG, COMMAND_ALL);
	set_status(RNG, 0);
	set_status(RNG, 3);
	set_features(RNG, VERSION_1);
	setup_queue(RNG, 0, 8);
	store(common + COMMON_QUEUE_DESCRIPTORS, 8, 0x123456789abcdef0);
	assert_true(load(common + COMMON_QUEUE_DESCRIPTORS, 8) == 0x123456789abcdef0);
	store(common + COMMON_QUEUE_DESCRIPTORS, 8, TABLE);
	store(common + COMMON_QUEUE_AVAILABLE, 8, AVAILABLE);
	store(common + COMMON_QUEUE_USED, 8, USED_RING);
	enable_queue(RNG, 0);
	assert_int_equal(common_in(RNG, COMMON_QUEUE_ENABLE, 2), 1);
	kick(RNG, 0);
	set_status(RNG, 0xb);
	set_status(RNG, STATUS_UP);
	assert_int_equal(status_of(RNG), STATUS_UP);
	request_entropy(100);
	assert_int_equal(used_written(0, 0), 100);
}

static void rng_by_message(void **state)
{
	(void)state;
	msix_entry(RNG, 1, 0xfee00000, 0x55, 0);
	msix_enable(RNG, 0);
	bring_up(RNG, VERSION_1 | EVENTS, 1, 8);
	assert_int_equal(common_in(RNG, COMMON_QUEUE_VECTOR, 2), 1);
	request_entropy(16);
	assert_int_equal(message_count, 1);
	assert_int_equal(message_data[0], 0x55);
	assert_false(fixture_line[PCI_LINE_FIRST + RNG]);
	assert_int_equal(load(memory_of(RNG) + AT_ISR, 1), 0);
	/* the doorbell in memory; a queue that is not there */
	put_descriptor(0, 0, BUFFERS, 16, WRITE, 0);
	ram_put(AVAILABLE + 4 + 16, 2, 1); /* the driver wants to know of the next but one */
	offer(0, 8, 0);
	store(memory_of(RNG) + AT_DOORBELL, 2, 7);
	assert_int_equal(used_index(0), 1);
	store(memory_of(RNG) + AT_DOORBELL, 2, 0);
	assert_int_equal(used_index(0), 2);
	assert_int_equal(message_count, 2);
	offer(0, 8, 0);
	kick(RNG, 0);
	assert_int_equal(used_index(0), 3);
	assert_int_equal(message_count, 2);
}

/* A bad vector is none (4.1.5.1.2.2). */
static void vectors(void **state)
{
	(void)state;
	negotiate(RNG, VERSION_1);
	common_out(RNG, COMMON_CONFIG_VECTOR, 2, 1);
	assert_int_equal(common_in(RNG, COMMON_CONFIG_VECTOR, 2), 1);
	common_out(RNG, COMMON_CONFIG_VECTOR, 2, 2);
	assert_int_equal(common_in(RNG, COMMON_CONFIG_VECTOR, 2), VIRTIO_NO_VECTOR);
	common_out(RNG, COMMON_QUEUE_SELECT, 2, 0);
	common_out(RNG, COMMON_QUEUE_VECTOR, 2, 0x8000);
	assert_int_equal(common_in(RNG, COMMON_QUEUE_VECTOR, 2), VIRTIO_NO_VECTOR);
}

/* A broken rule is told by the configuration's interrupt, and ends the device until it is reset. */
static void needs_reset(void **state)
{
	(void)state;
	msix_entry(RNG, 0, 0xfee00000, 0x44, 0);
	msix_enable(RNG, 0);
	negotiate(RNG, VERSION_1);
	common_out(RNG, COMMON_CONFIG_VECTOR, 2, 0);
	setup_queue(RNG, 0, 8);
	enable_queue(RNG, 0);
	set_status(RNG, STATUS_UP);
	put_descriptor(0, 0, RAM_BYTES - 8, 16, WRITE, 0);
	offer(0, 8, 0);
	kick(RNG, 0);
	assert_int_equal(status_of(RNG), 0x4f);
	assert_int_equal(message_count, 1);
	assert_int_equal(message_data[0], 0x44);
	kick(RNG, 0);
	request_entropy(16);
	assert_int_equal(used_index(0), 0);
	assert_int_equal(message_count, 1);
	memset(ram, 0, RINGS);
	bring_up(RNG, VERSION_1, 1, 8);
	request_entropy(16);
	assert_int_equal(used_index(0), 1);
}

/* A device that may not write memory does not. */
static void no_bus_master(void **state)
{
	(void)state;
	bring_up(RNG, VERSION_1, 1, 8);
	set_command(RNG, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	request_entropy(16);
	assert_int_equal(used_index(0), 0);
	set_command(RNG, COMMAND_ALL);
	kick(RNG, 0);
	assert_int_equal(used_index(0), 1);
}

/* 4.1.4.9: the same registers by configuration space alone. */
static void window_in_configuration(void **state)
{
	u32 cap = virtio_of(&function_at(RNG)->device)->cfg_at;

	(void)state;
	config_out(RNG, cap + CAP_BAR, 1, BAR_MEMORY);
	config_out(RNG, cap + CAP_OFFSET, 4, COMMON_STATUS);
	config_out(RNG, cap + CAP_AREA, 4, 1);
	config_out(RNG, cap + CAP_DATA, 4, 1);
	assert_int_equal(status_of(RNG), 1);
	assert_int_equal(config_in(RNG, cap + CAP_DATA, 1), 1);
	config_out(RNG, cap + CAP_OFFSET, 4, 0x12);
	config_out(RNG, cap + CAP_AREA, 4, 2);
	assert_int_equal(config_in(RNG, cap + CAP_DATA, 2), 1);
	/* lengths, offsets and BARs that are not there change nothing */
	config_out(RNG, cap + CAP_OFFSET, 4, COMMON_STATUS);
	config_out(RNG, cap + CAP_AREA, 4, 3);
	config_out(RNG, cap + CAP_DATA, 4, 3);
	config_out(RNG, cap + CAP_AREA, 4, 1);
	config_out(RNG, cap + CAP_BAR, 1, 1);
	config_out(RNG, cap + CAP_DATA, 4, 3);
	config_out(RNG, cap + CAP_BAR, 1, 0xff);
	config_out(RNG, cap + CAP_DATA, 4, 3);
	config_out(RNG, cap + CAP_BAR, 1, BAR_MEMORY);
	config_out(RNG, cap + CAP_OFFSET, 4, 0xffffffff);
	config_out(RNG, cap + CAP_DATA, 4, 3);
	config_out(RNG, cap + CAP_OFFSET, 4, BAR_MEMORY_BYTES - 2);
	config_out(RNG, cap + CAP_AREA, 4, 4);
	(void)config_in(RNG, cap + CAP_DATA, 4);
	assert_int_equal(status_of(RNG), 1);
}

static void console_output(void **state)
{
	(void)state;
	bring_up(CONSOLE, VERSION_1 | INDIRECTS, 2, 64);
	memcpy(ram + BUFFERS, "hello, ", 7);
	memcpy(ram + BUFFERS + 0x1000, "world", 5);
	put_descriptor(1, 5, BUFFERS, 7, NEXT, 6);
	put_descriptor(1, 6, BUFFERS + 0x1000, 5, 0, 0);
	offer(1, 64, 5);
	kick(CONSOLE, 1);
	assert_string_equal(printed, "hello, world");
	assert_int_equal(used_head(1, 0), 5);
	assert_int_equal(used_written(1, 0), 0);
	store(memory_of(CONSOLE) + AT_DEVICE + 8, 4, '!'); /* an emergency write */
	assert_int_equal(printed[12], '!');
	assert_int_equal(load(memory_of(CONSOLE) + AT_DEVICE, 4), 0);
}

/* Input waits for buffers, and goes to the serial port while no driver is up. */
static void console_input(void **state)
{
	struct virtio_console *console = fixture_platform.virtio_console;

	(void)state;
	assert_false(virtio_console_is_open(console, 0));
	assert_int_equal(virtio_console_input(console, 0, (const u8 *)"abc", 3), 0);
	fixture_platform.events.pending = 0;
	bring_up(CONSOLE, VERSION_1, 2, 64);
	assert_int_equal(fixture_platform.events.pending & MACHINE_ROOM, MACHINE_ROOM);
	assert_true(virtio_console_is_open(console, 0));
	assert_int_equal(virtio_console_input(console, 0, (const u8 *)"abc", 3), 0);
	put_descriptor(0, 0, BUFFERS, 2, WRITE, 0);
	put_descriptor(0, 1, BUFFERS + 2, 20, WRITE, 0);
	offer(0, 64, 0);
	fixture_platform.events.pending = 0;
	kick(CONSOLE, 0);
	assert_int_equal(fixture_platform.events.pending & MACHINE_ROOM, MACHINE_ROOM);
	assert_int_equal(virtio_console_input(console, 0, (const u8 *)"abc", 3), 2);
	offer(0, 64, 1);
	assert_int_equal(virtio_console_input(console, 0, (const u8 *)"cde", 3), 3);
	assert_memory_equal(ram + BUFFERS, "abcde", 5);
	assert_int_equal(used_written(0, 0), 2);
	assert_int_equal(used_written(0, 1), 3);
	assert_true(fixture_line[PCI_LINE_FIRST + CONSOLE]);
	set_status(CONSOLE, 0);
	assert_false(virtio_console_is_open(console, 0));
	assert_false(fixture_line[PCI_LINE_FIRST + CONSOLE]);
}

/* Fills the queue, whose requests are all answered at once, and says so. */
static void offer_all(u32 slot, u32 queue, u32 size, u32 flags)
{
	for (u32 i = 0; i < size; i++) {
		put_descriptor(queue, i, BUFFERS + 16 * i, 1, flags, 0);
		offer(queue, size, i);
	}
	kick(slot, queue);
	assert_int_equal(used_index(queue), size);
}

static void expect_wish(u32 queue, u32 size, u16 index)
{
	assert_int_equal(ram_get(queue * RINGS + USED_RING + 4 + 8 * size, 2), index);
}

/* A call takes as many requests as it may: the guest is still asked to notify of the next. */
static void a_full_queue(void **state)
{
	struct device *rng = &function_at(RNG)->device;
	struct device *console = &function_at(CONSOLE)->device;

	(void)state;
	bring_up(RNG, VERSION_1 | EVENTS, 1, VIRTIO_RNG_QUEUE_SIZE);
	offer_all(RNG, 0, VIRTIO_RNG_QUEUE_SIZE, WRITE);
	assert_int_equal(rng->deadline_ns, 0);
	/* another CPU adds a request, and has not been asked to say so */
	offer(0, VIRTIO_RNG_QUEUE_SIZE, 3);
	device_tick(rng);
	assert_int_equal(used_index(0), VIRTIO_RNG_QUEUE_SIZE + 1);
	expect_wish(0, VIRTIO_RNG_QUEUE_SIZE, VIRTIO_RNG_QUEUE_SIZE + 1);
	assert_true(rng->deadline_ns == DEADLINE_NONE);
	bring_up(CONSOLE, VERSION_1 | EVENTS, 2, 64);
	offer_all(CONSOLE, 1, 64, 0);
	device_tick(console);
	expect_wish(1, 64, 64);
	assert_true(console->deadline_ns == DEADLINE_NONE);
}

/* A machine that was saved between two looks. */
static void loaded_between_looks(void **state)
{
	struct device *rng = &function_at(RNG)->device;

	(void)state;
	bring_up(RNG, VERSION_1 | EVENTS, 1, 8);
	offer_all(RNG, 0, 8, WRITE);
	offer(0, 8, 3);
	rng->deadline_ns = DEADLINE_NONE;
	virtio_of(rng)->again = 0;
	rng->ops->loaded(rng);
	device_tick(rng);
	assert_int_equal(used_index(0), 9);
}

/* A state is saved in the middle of things: all that the queue knows comes back. */
static void states(void **state)
{
	struct device *rng = &function_at(RNG)->device;

	(void)state;
	bring_up(RNG, VERSION_1 | EVENTS, 1, 8);
	request_entropy(16);
	assert_round_trip(rng);
	request_entropy(16);
	assert_int_equal(used_index(0), 2);
	assert_load_refused(rng, offsetof(struct virtio_state, queue[0].size), 7);
	assert_load_refused(rng, offsetof(struct virtio_state, queue[0].size) + 1, 2);
	assert_load_refused(rng, offsetof(struct virtio_state, queue[2].enabled), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(capabilities, pci_setup),
		cmocka_unit_test_setup(status_steps, pci_setup),
		cmocka_unit_test_setup(features, pci_setup),
		cmocka_unit_test_setup(queue_registers_are_set_once, pci_setup),
		cmocka_unit_test_setup(rings_outside_memory, pci_setup),
		cmocka_unit_test_setup(rng_by_pin, pci_setup),
		cmocka_unit_test_setup(rng_in_another_order, pci_setup),
		cmocka_unit_test_setup(rng_by_message, pci_setup),
		cmocka_unit_test_setup(vectors, pci_setup),
		cmocka_unit_test_setup(needs_reset, pci_setup),
		cmocka_unit_test_setup(no_bus_master, pci_setup),
		cmocka_unit_test_setup(window_in_configuration, pci_setup),
		cmocka_unit_test_setup(console_output, pci_setup),
		cmocka_unit_test_setup(console_input, pci_setup),
		cmocka_unit_test_setup(a_full_queue, pci_setup),
		cmocka_unit_test_setup(loaded_between_looks, pci_setup),
		cmocka_unit_test_setup(states, pci_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
