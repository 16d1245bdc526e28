/* SPDX-License-Identifier: MIT */
/* A monitor's saved state becomes the manager's: a copy, made in steps, that the monitor lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/text/text.h"
#include "vmm/manager/vm/vm_handover.c"
#include "vmm/rt/format.h"
#include "vmm/rt/status_text.h"

enum { GROUP = 7, MONITOR = 10, THEIRS = 40 };
#define OBJECTS	    3u
#define BYTES	    (5 * COPY_BYTES / 2) /* the bytes that the monitor asks for */
#define SAVED_BYTES (BYTES - 100)

static u8 memory[OBJECTS][BYTES]; /* the memory objects by handle, from 1 on */
static bool there[OBJECTS];
static u32 made;
static u32 mapped;
static u32 calls_left; /* the calls of the kernel before one fails */
static u64 largest;    /* piece that was mapped */
static struct vm_channel channel;
static struct vm vm;
static char problem[160];

static bool kernel_fails(void)
{
	return calls_left == 0 || calls_left-- == 0;
}

enum status sys_memory_create(handle_t group, u64 bytes, u32 flags, handle_t *created)
{
	assert_int_equal(group, GROUP);
	assert_int_equal(flags, 0);
	assert_true(bytes <= BYTES && bytes % PAGE_SIZE == 0 && made < OBJECTS);
	*created = HANDLE_NONE;
	if (kernel_fails())
		return STATUS_NO_QUOTA;
	there[made++] = true;
	*created = made;
	return STATUS_OK;
}

enum status sys_handle_grant(handle_t process, handle_t handle, u32 rights, handle_t *theirs)
{
	assert_int_equal(process, MONITOR);
	assert_int_equal(handle, 1); /* the handle is never the copy's */
	assert_int_equal(rights, RIGHT_READ | RIGHT_WRITE);
	*theirs = THEIRS;
	return kernel_fails() ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status sys_space_map(handle_t space, u64 at, handle_t handle, u64 offset, u64 bytes,
			  u32 rights, u64 *address)
{
	(void)space, (void)at;
	assert_true(there[handle - 1] && offset + bytes <= BYTES);
	assert_int_equal(rights, handle == 1 ? RIGHT_READ : RIGHT_READ | RIGHT_WRITE);
	if (kernel_fails())
		return STATUS_TOO_BIG;
	largest = MAX(largest, bytes);
	mapped++;
	*address = (u64)(uintptr_t)(memory[handle - 1] + offset);
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 at, u64 bytes)
{
	(void)space, (void)at, (void)bytes;
	mapped--;
	return STATUS_OK;
}

enum status sys_object_destroy(handle_t handle)
{
	assert_true(there[handle - 1]);
	there[handle - 1] = false;
	return STATUS_OK;
}

handle_t start_handle(enum start_kind kind)
{
	return (handle_t)kind;
}

bool vm_busy(const struct vm *of)
{
	(void)of;
	return false;
}

void vm_send(struct vm *of, enum vm_command command)
{
	assert_ptr_equal(of, &vm);
	assert_int_equal(command, VM_COMMAND_SAVE);
}

static int set_up(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(&channel, 0, sizeof(channel));
	memset(there, 0, sizeof(there));
	memset(memory, 0, sizeof(memory));
	vm.channel = &channel;
	vm.group = GROUP;
	vm.monitor.process = MONITOR;
	channel.state_bytes = BYTES;
	made = mapped = 0;
	largest = 0;
	calls_left = ~0u;
	problem[0] = '\0';
	return 0;
}

static bool asked(void)
{
	return vm_handover_save(&vm, vm_handover_state_bytes(&vm), problem, sizeof(problem));
}

/* Saves as the monitor does: puts the state there, and says so. */
static void monitor_saves(u64 used)
{
	for (u64 i = 0; i < BYTES; i++)
		memory[0][i] = (u8)(i * 7);
	channel.state_used = used;
}

static enum vm_handover_progress take(handle_t *copy, u64 *used)
{
	return vm_handover_take(&vm, copy, used, problem, sizeof(problem));
}

static bool left(void)
{
	return there[0] || there[1] || there[2] || mapped != 0;
}

/*
 * The state is a copy: nothing that the monitor does to its memory, or says of the size, counts
 * once the state has been copied.
 */
static void is_a_copy(void **state)
{
	static u8 saved[SAVED_BYTES];
	handle_t copy = HANDLE_NONE;
	u64 used = 0;
	u32 steps = 1;

	(void)state;
	assert_true(asked());
	assert_int_equal(channel.state_memory, THEIRS);
	assert_int_equal(channel.state_size, BYTES);
	monitor_saves(SAVED_BYTES);
	memcpy(saved, memory[0], SAVED_BYTES);
	while (take(&copy, &used) == HANDOVER_COPIES) {
		memset(memory[0], 0xff, steps * COPY_BYTES);
		channel.state_used = BYTES + 1;
		assert_int_equal(mapped, 0);
		steps++;
	}
	assert_int_equal(steps, 3);
	assert_int_equal(largest, COPY_BYTES);
	assert_int_equal(copy, 2);
	assert_int_equal(used, SAVED_BYTES);
	assert_memory_equal(memory[1], saved, SAVED_BYTES);
	assert_true(there[1]);
	assert_false(there[0]); /* the monitor does not have the memory any more */
	vm_handover_drop(&vm);
	assert_true(there[1]);
	vm_handover_end(&copy);
	assert_false(left());
}

/* Whichever call of the kernel fails: nothing is left, and there are words. */
static void fails(void **state)
{
	enum vm_handover_progress progress = HANDOVER_FAILED;
	handle_t copy = HANDLE_NONE;
	u64 used;

	(void)state;
	for (u32 calls = 0; progress != HANDOVER_DONE; calls++) {
		set_up(NULL);
		calls_left = calls;
		progress = HANDOVER_FAILED;
		if (asked()) {
			monitor_saves(SAVED_BYTES);
			while ((progress = take(&copy, &used)) == HANDOVER_COPIES)
				;
		}
		if (progress == HANDOVER_DONE)
			continue;
		assert_non_null(strstr(problem, "while making room for its state"));
		assert_false(left());
	}
	vm_handover_end(&copy);
	assert_false(left());
}

static void assert_not_taken(u64 used, const char *words)
{
	handle_t copy = HANDLE_NONE;
	u64 found;

	assert_true(asked());
	monitor_saves(used);
	assert_int_equal(take(&copy, &found), HANDOVER_FAILED);
	assert_string_equal(problem, words);
	assert_int_equal(copy, HANDLE_NONE);
	assert_false(left());
	made = 0;
}

static void is_not_saved(void **state)
{
	(void)state;
	string_copy(channel.handover_problem, sizeof(channel.handover_problem), "disk 3");
	assert_not_taken(0, "disk 3");
	assert_not_taken(BYTES + 1, "its monitor does not say how large its state is");
	assert_not_taken(~0ull, "its monitor does not say how large its state is");
	channel.state_bytes = STATE_MAX + 1;
	assert_false(asked());
	assert_string_equal(problem, "its monitor does not say how large its state is");
	assert_false(left());
	channel.state_bytes = BYTES; /* the save is given up during the copy */
	assert_true(asked());
	monitor_saves(SAVED_BYTES);
	assert_int_equal(take(&(handle_t){0}, &(u64){0}), HANDOVER_COPIES);
	vm_handover_drop(&vm);
	assert_false(left());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_a_copy, set_up),
		cmocka_unit_test_setup(fails, set_up),
		cmocka_unit_test_setup(is_not_saved, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
