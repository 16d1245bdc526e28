/* SPDX-License-Identifier: MIT */
/* The short path for devices with a clock: time, deadlines, room for input. */
#include "tests/unit/monitor_fixture.h"

static struct device_ops ops;
static struct device device;
static u32 clock_updates;

static void update_clock(struct machine_clock *clock, bool wall)
{
	clock_updates++;
	machine_refresh_clock(clock, wall);
}

/*
 * Reads a register of a device with a clock: the device gets the time if it looks, and the next
 * deadline is kept.
 */
static u64 timed_read(struct device *which, u32 region, u64 offset, u32 size)
{
	(void)region, (void)size;
	return offset == 0x123 ? 0x60 : device_now_ns(which);
}

static void timed_write(struct device *which, u32 region, u64 offset, u32 size, u64 value)
{
	(void)region, (void)offset, (void)size;
	device_set_deadline(which, device_now_ns(which) + value);
}

static void no_tick(struct device *which)
{
	(void)which;
}

static int make(void **state)
{
	int failed = fixture_make_many(2);

	(void)state;
	ops = (struct device_ops){
		.widest = 4, .read = timed_read, .write = timed_write, .tick = no_tick};
	device = (struct device){
		.ops = &ops,
		.clock = &machine.platform.clock,
		.events = &machine.platform.events,
		.deadline_ns = DEADLINE_NONE,
	};
	port_device = &device;
	vcpu->quiet = true;
	machine.platform.clock.update = update_clock;
	clock_updates = recalls = 0;
	return failed;
}

static bool port_at(u16 at, u8 flags)
{
	page.exit = (struct vcpu_exit){.reason = EXIT_IO,
				       .instruction_length = 2,
				       .io_port = at,
				       .io_size = 4,
				       .io_flags = flags};
	page.request = 0;
	page.inject.valid = 0;
	return settle_briefly(vcpu);
}

static void test_timed(void **state)
{
	(void)state;
	host_tsc = 1000 + 500; /* guest time begins at 1000 */
	assert_true(port_at(0x123, IO_IN));
	assert_int_equal(page.gpr[GPR_RAX], 0x60);
	assert_int_equal(clock_updates, 0); /* nobody has looked at the clock */
	assert_true(port_at(0x124, IO_IN));
	assert_int_equal(page.gpr[GPR_RAX], 500);
	host_tsc += 20;
	assert_true(port_at(0x124, IO_IN));
	assert_int_equal(page.gpr[GPR_RAX], 520);
	assert_int_equal(clock_updates, 2);
	assert_int_equal(recalls, 0);

	/* the next run of vCPU 0 ends in time; nothing else is left to do */
	page.deadline_tsc = 0;
	page.gpr[GPR_RAX] = 100;
	device_deadline = 620;
	assert_true(port_at(0x124, 0));
	assert_int_equal(page.deadline_tsc, 1000 + 620 + 1);
	assert_int_equal(machine.platform.events.pending, 0);
	assert_true(vcpu->quiet);
	page.deadline_tsc = 7;
	assert_true(port_at(0x124, 0)); /* the same access again */
	assert_int_equal(page.deadline_tsc, 7);
}

/* Devices belong to vCPU 0, which is told of an earlier deadline, and of no other. */
static void test_timed_of_another(void **state)
{
	struct vcpu *second = &vcpus[1];

	(void)state;
	vcpu->place = VCPU_IN_GUEST;
	vcpu->deadline_ns = 600;
	second->quiet = true;
	second->page->gpr[GPR_RAX] = 700;
	device_deadline = 700;
	for (u32 round = 0; round < 2; round++) {
		second->page->exit = (struct vcpu_exit){
			.reason = EXIT_IO, .instruction_length = 2, .io_port = 0x124, .io_size = 4};
		assert_true(settle_briefly(second));
		assert_int_equal(machine.platform.events.pending, 0);
		assert_int_equal(kicks_sent[0], round);
		second->page->gpr[GPR_RAX] = 500;
		device_deadline = 500;
	}
}

/* Typed bytes go to the serial port as soon as the port has room. */
static void test_room(void **state)
{
	(void)state;
	channel.stream[0].input[0] = 'x';
	channel.stream[0].input_written = 1;
	serial_room = 1;
	machine.platform.events.pending = MACHINE_ROOM;
	assert_true(port_at(0x123, IO_IN));
	assert_string_equal(typed, "x");
	assert_int_equal(machine.platform.events.pending, 0);
	machine.platform.events.pending = MACHINE_ROOM | MACHINE_EXIT;
	assert_false(port_at(0x123, IO_IN));
	assert_int_equal(machine.platform.events.pending, MACHINE_ROOM | MACHINE_EXIT);
}

/* While the guest has a virtio console open, the console gets what is typed. */
static void test_virtio_console(void **state)
{
	struct virtio_console *console = (struct virtio_console *)(uintptr_t)8;

	(void)state;
	machine.platform.virtio_console = console;
	channel.stream[0].input[0] = 'v';
	channel.stream[0].input[1] = 'w';
	channel.stream[0].input_written = 2;
	console_input(&machine);
	assert_string_equal(typed, ""); /* the serial port has no room, and the console no driver */
	virtio_open = true;
	console_input(&machine);
	assert_string_equal(typed, "vw");
	assert_int_equal(channel.stream[0].input_read, 2);
	virtio_open = false;
	machine.platform.virtio_console = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, fixture_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timed),
		TEST(test_timed_of_another),
		TEST(test_room),
		TEST(test_virtio_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
