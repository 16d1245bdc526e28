/* SPDX-License-Identifier: MIT */
/* Queues: who takes a signal, and how a wait ends. */
#include "tests/unit/kernel_machine.h"

static struct group *group;
static struct process process;
static struct thread thread;
static u64 group_handle;
static u64 queue;
static u64 event;

static enum status call(u64 number, u64 first, u64 second, u64 third, u64 *value)
{
	struct trap_frame frame = {.rax = number, .rdi = first, .rsi = second, .r8 = third};

	syscall_dispatch(&thread, &frame);
	assert_false(machine_cpu.shares || object_alone || machine_is_long());
	if (value != NULL)
		*value = frame.rdi;
	return (enum status)frame.rax;
}

static void start(void)
{
	void *table = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

	kernel_machine_start(32 * MIB);
	memset(table, 0, PAGE_SIZE);
	handle_table_init(table, PAGE_SIZE);
	assert_int_equal(group_create(1000, 1, &group), STATUS_OK);
	process = (struct process){.group = group, .handles = table};
	thread = (struct thread){.process = &process, .cpu = &machine_cpu};
	list_init(&thread.sleep_node);
	assert_int_equal(handle_insert(table, &group->object, RIGHT_ALL, &group_handle), STATUS_OK);
	assert_int_equal(call(SYS_QUEUE_CREATE, group_handle, 0, 0, &queue), STATUS_OK);
	assert_int_equal(call(SYS_EVENT_CREATE, group_handle, 0, 0, &event), STATUS_OK);
	assert_int_equal(call(SYS_OBJECT_BIND, event, queue, 7, NULL), STATUS_OK);
}

static void end(void)
{
	handle_close_those(process.handles, false);
	free(process.handles);
	kernel_machine_end(&group, 1, 10000);
}

static void sleep_until(u64 deadline_tsc)
{
	assert_int_equal(call(SYS_QUEUE_WAIT, queue, deadline_tsc, 0, NULL), STATUS_OK);
	assert_int_equal(thread.state, THREAD_WAITING);
	assert_false(thread.has_result);
}

static void assert_woken(enum status status, u64 key)
{
	assert_int_equal(thread.state, THREAD_READY);
	assert_null(thread.waits_for);
	assert_int_equal(machine_cpu.wake_tsc, 0);
	assert_true(thread.has_result);
	assert_int_equal(thread.result, status);
	assert_int_equal(thread.result_value, key);
	thread.has_result = false;
}

static void by_a_signal(void **state)
{
	u64 key;

	(void)state;
	start();
	assert_int_equal(call(SYS_QUEUE_WAIT, queue, 0, 0, &key), STATUS_TIMED_OUT);
	assert_int_equal(call(SYS_EVENT_SIGNAL, event, 0, 0, NULL), STATUS_OK);
	assert_int_equal(call(SYS_EVENT_SIGNAL, event, 0, 0, NULL), STATUS_OK);
	assert_int_equal(call(SYS_QUEUE_WAIT, queue, ~0ull, 0, &key), STATUS_OK);
	assert_int_equal(key, 7);
	sleep_until(~0ull - 1);
	assert_int_equal(machine_cpu.wake_tsc, ~0ull - 1);
	thread.state = THREAD_READY; /* another thread of the process */
	assert_int_equal(call(SYS_QUEUE_WAIT, queue, ~0ull, 0, &key), STATUS_IN_USE);
	assert_int_equal(call(SYS_EVENT_SIGNAL, event, 0, 0, NULL), STATUS_OK);
	assert_woken(STATUS_OK, 7);
	end();
}

/* A thread that was woken in between is not woken twice; nor is one whose time has not come. */
static void by_its_deadline(void **state)
{
	struct queue *of;

	(void)state;
	start();
	sleep_until(~0ull - 1);
	of = thread.waits_for;
	timer_expire(&machine_cpu);
	assert_int_equal(thread.state, THREAD_WAITING);
	thread.wake_tsc = machine_cpu.wake_tsc = 1;
	timer_expire(&machine_cpu);
	assert_woken(STATUS_TIMED_OUT, 0);
	timer_expire(&machine_cpu);
	queue_expire(of, &thread);
	assert_false(thread.has_result);
	end();
}

static void by_the_end_of_its_queue(void **state)
{
	(void)state;
	start();
	sleep_until(~0ull);
	thread.state = THREAD_READY; /* another thread of the process */
	assert_int_equal(call(SYS_OBJECT_DESTROY, queue, 0, 0, NULL), STATUS_OK);
	assert_woken(STATUS_BAD_HANDLE, 0);
	end();
}

/* A thread waits until its queue's last handle is closed: nobody can signal it any more. */
static void by_its_last_handle(void **state)
{
	(void)state;
	start();
	sleep_until(~0ull);
	thread.state = THREAD_READY; /* another thread of the process */
	assert_int_equal(call(SYS_HANDLE_CLOSE, queue, 0, 0, NULL), STATUS_OK);
	assert_false(thread.has_result); /* the event still can */
	assert_int_equal(call(SYS_HANDLE_CLOSE, event, 0, 0, NULL), STATUS_OK);
	assert_woken(STATUS_BAD_HANDLE, 0);
	end();
}

/* The run of a vCPU takes 64 signals of its queue, and the next run those that are left. */
static void emptied(void **state)
{
	struct queue *of;
	u64 key;

	(void)state;
	start();
	sleep_until(~0ull - 1);
	of = thread.waits_for;
	thread.wake_tsc = machine_cpu.wake_tsc = 1;
	timer_expire(&machine_cpu);
	assert_woken(STATUS_TIMED_OUT, 0);
	assert_int_equal(call(SYS_EVENT_SIGNAL, event, 0, 0, NULL), STATUS_OK);
	for (u32 i = 0; i < 65; i++) {
		u64 other;

		assert_int_equal(call(SYS_EVENT_CREATE, group_handle, 0, 0, &other), STATUS_OK);
		assert_int_equal(call(SYS_OBJECT_BIND, other, queue, 100 + i, NULL), STATUS_OK);
		assert_int_equal(call(SYS_EVENT_SIGNAL, other, 0, 0, NULL), STATUS_OK);
	}
	object_share();
	queue_empty(of);
	object_unshare();
	assert_int_equal(call(SYS_QUEUE_WAIT, queue, 0, 0, &key), STATUS_OK);
	assert_int_equal(key, 100 + 63);
	object_share();
	queue_empty(of);
	object_unshare();
	assert_int_equal(call(SYS_QUEUE_WAIT, queue, 0, 0, &key), STATUS_TIMED_OUT);
	/* a signal that was taken can be raised again */
	assert_int_equal(call(SYS_EVENT_SIGNAL, event, 0, 0, NULL), STATUS_OK);
	assert_int_equal(call(SYS_QUEUE_WAIT, queue, 0, 0, &key), STATUS_OK);
	assert_int_equal(key, 7);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_a_signal),
		cmocka_unit_test(by_its_deadline),
		cmocka_unit_test(by_the_end_of_its_queue),
		cmocka_unit_test(by_its_last_handle),
		cmocka_unit_test(emptied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
