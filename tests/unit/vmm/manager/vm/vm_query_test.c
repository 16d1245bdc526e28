/* SPDX-License-Identifier: MIT */
/* Queries to monitors that answer, do not answer, or have ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/rt/status_text.h"
#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/vm/vm_query.c"
#include "vmm/rt/format.h"

static struct vm_channel channel;
static struct vm the_vm;
static bool vm_there;
static u32 wakes;
static const struct vm_answer *answer;
static char problem[192];

enum status sys_event_signal(handle_t event)
{
	(void)event;
	wakes++;
	return STATUS_OK;
}

struct vm *vm_by_id(u32 id)
{
	return vm_there && the_vm.id == id ? &the_vm : NULL;
}

static int set_up(void **state)
{
	(void)state;
	channel = (struct vm_channel){0};
	the_vm = (struct vm){.id = 7, .group = 1, .channel = &channel, .config = {.name = "alpha"}};
	vm_there = true;
	now = 1000;
	wakes = 0;
	answer = NULL;
	problem[0] = '\0';
	return 0;
}

static void begin(struct vm_query *query, u64 address)
{
	vm_query_begin(query, &the_vm, &(struct query){.kind = QUERY_READ, .address = address});
}

static enum vm_query_progress step(struct vm_query *query)
{
	return vm_query_step(query, &answer, problem, sizeof(problem));
}

static void monitor_answers(const char *text)
{
	channel.question.status = STATUS_OK;
	channel.question.bytes = (u32)strlen(text);
	memcpy(channel.question.answer, text, strlen(text));
	channel.question.answered = channel.question.asked;
}

static void test_answer(void **state)
{
	struct vm_query query;

	(void)state;
	begin(&query, 5);
	assert_int_equal(wakes, 0);
	assert_int_equal(step(&query), VM_QUERY_WAITS);
	assert_int_equal(wakes, 1);
	assert_int_equal(channel.question.query.address, 5);
	assert_int_equal(step(&query), VM_QUERY_WAITS);
	assert_int_equal(wakes, 1);
	monitor_answers("yes");
	assert_int_equal(step(&query), VM_QUERY_ANSWERED);
	assert_int_equal(answer->bytes, 3);
	assert_memory_equal(answer->data, "yes", 3);
}

static void test_post(void **state)
{
	struct vm_query first;
	struct vm_query second;

	(void)state;
	begin(&first, 1);
	begin(&second, 2);
	vm_query_post(&first);
	vm_query_post(&first);
	vm_query_post(&second);
	assert_int_equal(wakes, 1);
	assert_int_equal(channel.question.query.address, 1);
	monitor_answers("one");
	assert_int_equal(step(&first), VM_QUERY_ANSWERED);
	vm_query_post(&second);
	assert_int_equal(wakes, 2);
	assert_int_equal(channel.question.query.address, 2);
	vm_there = false;
	begin(&first, 3);
	vm_query_post(&first);
	assert_int_equal(wakes, 2);
}

/* A monitor gone bad cannot make its manager read beyond the channel. */
static void test_lying_monitor(void **state)
{
	struct vm_query query;

	(void)state;
	begin(&query, 0);
	assert_int_equal(step(&query), VM_QUERY_WAITS);
	monitor_answers("");
	channel.question.bytes = ~0u;
	assert_int_equal(step(&query), VM_QUERY_ANSWERED);
	assert_int_equal(answer->bytes, QUERY_BYTES);
}

static void test_turns(void **state)
{
	struct vm_query first;
	struct vm_query second;

	(void)state;
	begin(&first, 1);
	begin(&second, 2);
	assert_int_equal(step(&first), VM_QUERY_WAITS);
	assert_int_equal(step(&second), VM_QUERY_WAITS);
	assert_int_equal(channel.question.query.address, 1);
	monitor_answers("one");
	/* the answer is for the first query, whichever checks first */
	assert_int_equal(step(&second), VM_QUERY_WAITS);
	assert_int_equal(step(&first), VM_QUERY_ANSWERED);
	assert_memory_equal(answer->data, "one", 3);
	assert_int_equal(step(&second), VM_QUERY_WAITS);
	assert_int_equal(channel.question.query.address, 2);
	monitor_answers("two");
	assert_int_equal(step(&second), VM_QUERY_ANSWERED);
}

static void test_silence(void **state)
{
	struct vm_query silent;
	struct vm_query next;

	(void)state;
	begin(&silent, 1);
	assert_int_equal(step(&silent), VM_QUERY_WAITS);
	now += VM_QUERY_NS;
	assert_int_equal(step(&silent), VM_QUERY_FAILED);
	assert_non_null(strstr(problem, "does not answer"));
	/* a query that may still be read is not overwritten */
	begin(&next, 2);
	assert_int_equal(step(&next), VM_QUERY_WAITS);
	assert_int_equal(channel.question.query.address, 1);
	/* a late answer is dropped, and lets the next query through */
	monitor_answers("late");
	assert_int_equal(step(&next), VM_QUERY_WAITS);
	assert_int_equal(channel.question.query.address, 2);
	monitor_answers("two");
	assert_int_equal(step(&next), VM_QUERY_ANSWERED);
	assert_memory_equal(answer->data, "two", 3);
}

static void test_gone(void **state)
{
	struct vm_query query;

	(void)state;
	the_vm.group = HANDLE_NONE;
	the_vm.state = VM_CRASHED;
	begin(&query, 0);
	assert_int_equal(step(&query), VM_QUERY_FAILED);
	assert_string_equal(problem, "alpha has nothing to show: its monitor has ended, `vm start` "
				     "boots it afresh");
	the_vm.group = 1;
	begin(&query, 0);
	assert_int_equal(step(&query), VM_QUERY_WAITS);
	the_vm.phase = VM_PHASE_ENDING;
	assert_int_equal(step(&query), VM_QUERY_FAILED);
	assert_non_null(strstr(problem, "`vm start` boots"));
	the_vm.after = AFTER_START;
	assert_int_equal(step(&query), VM_QUERY_FAILED);
	assert_string_equal(problem, "alpha has nothing to show: it is being booted afresh, try "
				     "again");
	the_vm.after = AFTER_REMOVE;
	assert_int_equal(step(&query), VM_QUERY_FAILED);
	assert_string_equal(problem, "alpha has nothing to show: it is being destroyed");
	vm_there = false;
	assert_int_equal(step(&query), VM_QUERY_FAILED);
	assert_non_null(strstr(problem, "destroyed"));
}

/* A monitor that waits for a disk stands still for as long as the disk takes. */
static void test_at_a_disk(void **state)
{
	struct vm_query query;

	(void)state;
	the_vm.state = VM_RUNNING;
	the_vm.operation[OPERATION_SAVE].phase = SAVE_WRITING;
	the_vm.operation[OPERATION_RENEW].phase = RENEW_TAKING;
	begin(&query, 0);
	assert_int_equal(step(&query), VM_QUERY_FAILED);
	assert_string_equal(problem, "alpha has nothing to show: it is being saved, try "
				     "again");
	the_vm.operation[OPERATION_RENEW].phase = RENEW_NONE;
	the_vm.operation[OPERATION_SAVE].phase = SAVE_RESTORING;
	the_vm.state = VM_CREATED;
	assert_int_equal(step(&query), VM_QUERY_FAILED);
	assert_string_equal(problem, "alpha has nothing to show: it is being restored, "
				     "try again");
	the_vm.state = VM_RUNNING;
	assert_int_equal(step(&query), VM_QUERY_WAITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_answer, set_up),
		cmocka_unit_test_setup(test_post, set_up),
		cmocka_unit_test_setup(test_lying_monitor, set_up),
		cmocka_unit_test_setup(test_turns, set_up),
		cmocka_unit_test_setup(test_silence, set_up),
		cmocka_unit_test_setup(test_gone, set_up),
		cmocka_unit_test_setup(test_at_a_disk, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
