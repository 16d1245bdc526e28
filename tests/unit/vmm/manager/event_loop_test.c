/* SPDX-License-Identifier: MIT */
/* The manager's loop, with a monitor that signals without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmm/manager/event_loop.c"

#define SILENT	0
#define HOSTILE 1
#define PATIENT 2
#define HANG	100000u /* events after which the loop is considered hung */

/* The kernel's queue: a FIFO with each VM at most once; the hostile one returns at once. */
static u32 waiting[2];
static u32 pieces; /* of a line, of which each makes an event */
static u32 waits;
static u32 handled[PATIENT + 1];
static u32 console_steps;
static struct vm vms[PATIENT + 1];

bool events_wait(u64 deadline, struct event *event)
{
	assert_true(++waits < HANG);
	if (deadline != 0 && pieces > 0) {
		pieces--;
		*event = (struct event){.source = EVENT_SERIAL, .number = SERIAL_COM2};
		return true;
	}
	if (waiting[0] == SILENT)
		return false;
	*event = (struct event){.source = EVENT_CHANNEL, .number = waiting[0]};
	waiting[0] = waiting[1];
	waiting[1] = SILENT;
	if (event->number == HOSTILE)
		waiting[waiting[0] == SILENT ? 0 : 1] = HOSTILE;
	return true;
}

u64 clock_tsc(void)
{
	return 0;
}

bool machine_channel_awaits_rest(void)
{
	return pieces > 0;
}

struct vm *vm_by_id(u32 id)
{
	vms[id].id = id;
	return &vms[id];
}

void vm_pace_signalled(struct vm *vm)
{
	handled[vm->id]++;
}

void vm_overcommit_ask(struct vm *vm, bool parked)
{
	(void)vm;
	(void)parked;
}

bool console_step(void)
{
	console_steps++;
	return false;
}

void vm_volumes_step(void)
{
}

/* The manager has nothing else to do. */
#define NOTHING_TO_DO(name)                                                                        \
	void name(void)                                                                            \
	{                                                                                          \
	}
#define NOTHING_LEFT(name)                                                                         \
	bool name(void)                                                                            \
	{                                                                                          \
		return false;                                                                      \
	}
#define NO_DEADLINE(name)                                                                          \
	u64 name(void)                                                                             \
	{                                                                                          \
		return ~0ull;                                                                      \
	}

NOTHING_TO_DO(log_take_kernel)
NOTHING_TO_DO(perf_step)
NOTHING_TO_DO(gdb_step)
NOTHING_TO_DO(serial_poll)
NOTHING_TO_DO(disk_restore_ended)
NOTHING_TO_DO(shutdown_step)
NOTHING_LEFT(vm_step)
NOTHING_LEFT(vm_peers_step)
NOTHING_LEFT(capture_step)
NOTHING_LEFT(content_step)
NOTHING_LEFT(rekey_step)
NOTHING_LEFT(volume_copy_step)
NOTHING_LEFT(driver_step)
NOTHING_LEFT(disk_restore_step)
NOTHING_LEFT(log_export_step)
NOTHING_LEFT(machine_channels_step)
NOTHING_LEFT(machine_channels_step_streams)
NO_DEADLINE(vm_deadline)
NO_DEADLINE(console_deadline)
NO_DEADLINE(capture_deadline)
NO_DEADLINE(content_deadline)
NO_DEADLINE(rekey_deadline)
NO_DEADLINE(volume_copy_deadline)
NO_DEADLINE(driver_deadline)
NO_DEADLINE(disk_restore_deadline)
NO_DEADLINE(machine_channels_deadline)
NO_DEADLINE(setup_deadline)
NO_DEADLINE(log_deadline)
NO_DEADLINE(perf_deadline)
NO_DEADLINE(gdb_deadline)
NO_DEADLINE(serial_deadline)
NO_DEADLINE(shutdown_deadline)

void serial_interrupt(enum serial_name name)
{
	(void)name;
}

bool serial_lost_interrupt(enum serial_name name)
{
	(void)name;
	return false;
}

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
}

void iommu_signalled(u32 number)
{
	(void)number;
}

void driver_signalled(u32 number)
{
	(void)number;
}

void driver_process_ended(u32 number)
{
	(void)number;
}

void content_ended(u32 number)
{
	(void)number;
}

void vm_renew_heir_ended(struct vm *vm)
{
	(void)vm;
}

void vm_backup_copier_ended(struct vm *vm)
{
	(void)vm;
}

void vm_process_ended(struct vm *vm)
{
	(void)vm;
}

static void test_endless_signals(void **state)
{
	(void)state;
	waiting[0] = HOSTILE;
	waiting[1] = PATIENT;
	event_loop_run_once();
	assert_int_equal(console_steps, 1);
	assert_true(handled[HOSTILE] > 1);
	assert_int_equal(handled[PATIENT], 1);
	assert_true(vms[PATIENT].report.heard);
	event_loop_run_once();
	assert_int_equal(console_steps, 2);
}

/* A line of the machine channel makes one turn, whatever the pieces in which it comes. */
static void test_line_in_pieces(void **state)
{
	(void)state;
	waiting[0] = waiting[1] = SILENT;
	console_steps = 0;
	pieces = 12;
	event_loop_run_once();
	assert_int_equal(pieces, 0);
	assert_int_equal(console_steps, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endless_signals),
		cmocka_unit_test(test_line_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
