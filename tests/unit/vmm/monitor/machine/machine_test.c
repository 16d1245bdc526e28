/* SPDX-License-Identifier: MIT */
/* A machine's life, its clock, and its side of the channel to the manager. */
#include "tests/unit/monitor_fixture.h"
#include "vmm/monitor/dev/reset.h"

static void command(enum vm_command what)
{
	channel.command = what;
	channel.command_sequence++;
	pending_handle(&machine);
	assert_int_equal(channel.done_sequence, channel.command_sequence);
}

static void test_life(void **state)
{
	(void)state;
	assert_int_equal(channel.state, VM_RUNNING);
	command(VM_COMMAND_RESUME); /* the machine is not paused */
	assert_int_equal(channel.state, VM_RUNNING);
	host_tsc += 100;
	command(VM_COMMAND_PAUSE);
	assert_int_equal(channel.state, VM_PAUSED);
	assert_int_equal(channel.running_tsc, 100);
	assert_int_equal(channel.started_tsc, 0);
	host_tsc += 1000;
	command(VM_COMMAND_RESUME);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(channel.started_tsc, host_tsc);
	command(VM_COMMAND_RESET);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(channel.reset_count, 1);
	assert_int_equal(loads, 2);
	command(VM_COMMAND_POWER_BUTTON);
	assert_int_equal(buttons, 1);
	command((enum vm_command)99);
	assert_int_equal(channel.state, VM_RUNNING);
}

static void test_command_once(void **state)
{
	(void)state;
	command(VM_COMMAND_RESET);
	pending_handle(&machine);
	pending_handle(&machine);
	assert_int_equal(channel.reset_count, 1);
}

static void test_pause_stops_time(void **state)
{
	u64 offset = page.tsc_offset;
	u64 before;

	(void)state;
	host_tsc += 5000;
	command(VM_COMMAND_PAUSE);
	machine_update_clock(&machine);
	before = machine.platform.clock.now_ns;
	host_tsc += 10 * NS_PER_S;
	machine_update_clock(&machine);
	assert_int_equal(machine.platform.clock.now_ns, before);
	vcpu->pvclock.system_time_msr = 0x1001;
	command(VM_COMMAND_RESUME);
	assert_int_equal(machine.platform.clock.now_ns, before);
	assert_int_equal(page.tsc_offset, offset - 10 * NS_PER_S);
	assert_true((page.dirty & VCPU_TSC) != 0);
	assert_int_equal(((struct pvclock_record *)(ram + 0x1000))->flags,
			 PVCLOCK_TSC_STABLE | PVCLOCK_GUEST_STOPPED);
}

static u64 ticked_at; /* the wall time of the last tick */

static void note_tick(struct device *device)
{
	ticked_at = device->clock->wall_ns;
}

/* When a pause ends, devices that follow the wall clock are ticked: an alarm may be due. */
static void test_pause_ends_late(void **state)
{
	static const struct device_ops ops = {.tick = note_tick};
	struct device alarm = {
		.ops = &ops, .clock = &machine.platform.clock, .deadline_ns = NS_PER_S};

	(void)state;
	machine.platform.timed[machine.platform.timed_count++] = &alarm;
	channel.wall_seconds = 500;
	channel.wall_tsc = host_tsc;
	command(VM_COMMAND_PAUSE);
	host_tsc += 10 * NS_PER_S;
	ticked_at = 0;
	command(VM_COMMAND_RESUME);
	assert_int_equal(ticked_at, 510 * NS_PER_S);
}

static void test_reset_forgets(void **state)
{
	(void)state;
	vcpu->halted = true;
	vcpu->event.valid = 1;
	vcpu->held.valid = 1;
	vcpu->pvclock.system_time_msr = 0x1001;
	page.request = REQUEST_ADVANCE;
	page.inject.valid = 1;
	vcpu->tsc_adjust = 77;
	host_tsc += 12345;
	machine_reset(&machine);
	todo_do(&machine);
	assert_false(vcpu->halted || vcpu->event.valid || vcpu->held.valid || page.inject.valid);
	assert_int_equal(page.request, 0);
	assert_int_equal(vcpu->pvclock.system_time_msr, 0);
	assert_int_equal(host_tsc + page.tsc_offset, 0); /* the guest's TSC starts at 0 again */
	assert_int_equal(machine.platform.clock.now_ns, 0);
}

static void test_load_fails(void **state)
{
	(void)state;
	load_works = false;
	machine_reset(&machine);
	todo_do(&machine);
	assert_int_equal(channel.state, VM_CRASHED);
	assert_string_equal(channel.reason, "kernel file: broken");
	load_works = true;
	command(VM_COMMAND_START);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_string_equal(channel.reason, "");
}

static void ends(u32 events, u32 code, const char *reason, s32 exit_code)
{
	machine.platform.events.pending = events;
	machine.platform.events.exit_code = code;
	if (setjmp(process_end) == 0) {
		pending_handle(&machine);
		fail_msg("the process goes on");
	}
	assert_int_equal(channel.state, VM_STOPPED);
	assert_string_equal(channel.reason, reason);
	assert_int_equal(channel.exit_code, exit_code);
	assert_true(signals > 0);
}

static void test_power_off(void **state)
{
	(void)state;
	ends(MACHINE_POWER_OFF, 0, "guest powered off", -1);
}

static void test_debug_exit(void **state)
{
	(void)state;
	ends(MACHINE_EXIT | MACHINE_RESET, 42, "debug exit 42", 42);
}

static void crashes(u32 events, const char *reason)
{
	machine.platform.events.pending = events;
	pending_handle(&machine);
	assert_int_equal(machine.platform.events.pending, 0);
	assert_int_equal(channel.state, VM_CRASHED);
	assert_string_equal(channel.reason, reason);
	command(VM_COMMAND_START);
	assert_int_equal(channel.state, VM_RUNNING);
}

/* An event that the guest has not survived is a crash, kept for inspection. */
static void test_guest_is_dead(void **state)
{
	(void)state;
	crashes(MACHINE_PANIC | MACHINE_RESET, "guest panicked");
	machine.platform.events.watchdog_s = 30;
	crashes(MACHINE_WATCHDOG, "watchdog expired: no sign of life from the guest for 30 s");
	machine.platform.events.pending = MACHINE_CRASH_KERNEL;
	pending_handle(&machine);
	assert_int_equal(channel.state, VM_RUNNING);
	assert_non_null(strstr((const char *)channel.log, "its crash kernel takes over\n"));
}

/* A reset that the guest asks for is never a crash. */
static void test_asked_reset(void **state)
{
	(void)state;
	for (u32 i = 0; i < 20; i++) {
		machine.platform.events.pending = MACHINE_RESET;
		machine.platform.events.reset_port = RESET_CONTROL_PORT;
		pending_handle(&machine);
		assert_int_equal(machine.platform.events.pending, 0);
	}
	assert_int_equal(channel.state, VM_RUNNING);
	assert_int_equal(channel.reset_count, 20);
	assert_non_null(strstr((const char *)channel.log, "port 0xcf9\n"));
}

/* The latest CHANNEL_OUT_BYTES are kept; the manager is signalled for each line. */
static void test_output(void **state)
{
	u32 total = CHANNEL_OUT_BYTES + 1000;

	(void)state;
	console_signal(&machine);
	signals = 0;
	console_put(&machine, 'a');
	assert_int_equal(signals, 0);
	console_put(&machine, '\n');
	assert_int_equal(signals, 1);
	console_signal(&machine);
	assert_int_equal(signals, 1);
	for (u32 i = 2; i < total; i++)
		console_put(&machine, (u8)(i * 7));
	assert_int_equal(channel.stream[0].output_written, total);
	for (u32 i = 1000; i < total; i++)
		assert_int_equal(channel.stream[0].output[i % CHANNEL_OUT_BYTES], (u8)(i * 7));
}

static void test_input(void **state)
{
	(void)state;
	memcpy(channel.stream[0].input, "hello", 5);
	channel.stream[0].input_written = 5;
	serial_room = 3;
	pending_handle(&machine);
	assert_string_equal(typed, "hel");
	assert_int_equal(channel.stream[0].input_read, 3);
	serial_room = 9;
	pending_handle(&machine);
	assert_string_equal(typed, "hello");
	/* an impossible index: at most the ring's size is read, and nothing outside the ring */
	channel.stream[0].input_written = 0x80000000;
	serial_room = 10;
	pending_handle(&machine);
	assert_int_equal(channel.stream[0].input_read, 0x80000000 - CHANNEL_RING_BYTES + 10);
}

static void test_log_wraps(void **state)
{
	char line[300];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	for (u32 i = 0; i < 100; i++)
		machine_log(&machine, "%s", line);
	assert_int_equal(channel.log_written % 255, 0);
	assert_int_equal(channel.log[(channel.log_written - 1) % CHANNEL_RING_BYTES], '\n');
	assert_int_equal(channel.log[(channel.log_written - 2) % CHANNEL_RING_BYTES], 'x');
}

static void test_reason_is_cut(void **state)
{
	(void)state;
	machine_crash(&machine, "%0300u", 1u);
	todo_do(&machine);
	assert_int_equal(strlen(channel.reason), sizeof(channel.reason) - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_free)
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		TEST(test_life),	  TEST(test_command_once), TEST(test_pause_stops_time),
		TEST(test_pause_ends_late),
		TEST(test_reset_forgets), TEST(test_load_fails),   TEST(test_power_off),
		TEST(test_debug_exit),	  TEST(test_asked_reset),  TEST(test_output),
		TEST(test_guest_is_dead),
		TEST(test_input),	  TEST(test_log_wraps),	   TEST(test_reason_is_cut),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
