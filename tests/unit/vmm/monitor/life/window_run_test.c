/* SPDX-License-Identifier: MIT */
/* What the guest reads of its calls while another of its vCPUs exits: window_run.c alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmm/monitor/life/window_run.c"

static struct machine machine;
static struct window window;
static struct vm_channel channel;
static u32 went_back;

void machine_log(struct machine *of, const char *text, ...)
{
}

void machine_crash(struct machine *of, const char *text, ...)
{
}

void machine_go_back(struct machine *of)
{
	went_back++;
}

void window_wake(struct machine *of)
{
}

void window_ring(struct window_link *link, u32 number)
{
}

bool handover_disks_have_answered(struct machine *of)
{
	return true;
}

bool handover_load_again(struct machine *of, const void *state)
{
	return true;
}

u64 clock_tsc(void)
{
	return 0;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

enum status memory_map(u64 bytes, u64 *at)
{
	return STATUS_NO_MEMORY;
}

handle_t start_handle(enum start_kind kind)
{
	return HANDLE_NONE;
}

const char *status_text(enum status status)
{
	return "";
}

enum status sys_memory_reset(handle_t memory)
{
	return STATUS_OK;
}

static int set_up(void **state)
{
	machine = (struct machine){.channel = &channel};
	window = (struct window){0};
	channel = (struct vm_channel){0};
	machine.platform.window = &window;
	went_back = 0;
	return 0;
}

/* The guest makes a call, as window.c leaves it to window_run_call. */
static void make_call(u32 call)
{
	window.state.call = call;
	window.state.status = WINDOW_BUSY;
}

static void take_snapshot(void)
{
	make_call(WINDOW_CALL_SNAPSHOT);
	window_run_call(&machine);
	machine.run.saved_for = machine.run.wanted;
	channel.window_snapshot = machine.run.wanted;
	window_run_look(&machine);
}

static void test_snapshot(void **state)
{
	make_call(WINDOW_CALL_SNAPSHOT);
	window_run_call(&machine);
	window_run_look(&machine);
	assert_int_equal(window.state.status, WINDOW_BUSY);
	assert_int_equal(channel.window_wanted, 1);
	take_snapshot();
	assert_int_equal(window.state.status, WINDOW_DONE);
}

static void test_refused(void **state)
{
	make_call(WINDOW_CALL_SNAPSHOT);
	window_run_call(&machine);
	channel.window_refused = 1;
	window_run_look(&machine);
	assert_int_equal(window.state.status, WINDOW_REFUSED);
}

/* A look comes before the VM has gone back: that the snapshot is there is no answer to DONE. */
static void test_look_while_it_goes_back(void **state)
{
	take_snapshot();
	make_call(WINDOW_CALL_DONE);
	window_run_look(&machine);
	assert_int_equal(window.state.status, WINDOW_BUSY);
	window_run_call(&machine);
	assert_int_equal(went_back, 1);
	window_run_look(&machine);
	assert_int_equal(window.state.status, WINDOW_BUSY);
}

/* Nor is that an older snapshot is there an answer to SNAPSHOT. */
static void test_look_before_the_call_is_taken(void **state)
{
	take_snapshot();
	make_call(WINDOW_CALL_SNAPSHOT);
	window_run_look(&machine);
	assert_int_equal(window.state.status, WINDOW_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_snapshot, set_up),
		cmocka_unit_test_setup(test_refused, set_up),
		cmocka_unit_test_setup(test_look_while_it_goes_back, set_up),
		cmocka_unit_test_setup(test_look_before_the_call_is_taken, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
