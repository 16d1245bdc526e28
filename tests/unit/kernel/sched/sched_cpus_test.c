/* SPDX-License-Identifier: MIT */
/* Threads that wake, block, wait and move between CPUs, and which CPUs are told to react. */
#include "tests/unit/kernel/sched/sched_machine.h"

#define MS NS_PER_MS

/* A thread that wakes goes ahead of one that has run; whoever must react is told, nobody else. */
static void test_wake(void **state)
{
	struct thread *first;
	struct thread *second;
	struct thread *late;

	(void)state;
	machine_start();
	first = machine_thread(0, 0);
	sched_ready(first);
	assert_int_equal(cpus[0].pending, PENDING_RESCHEDULE);
	assert_null(cpus[0].running);
	(void)machine_obey(0);
	assert_ptr_equal(cpus[0].running, first);
	assert_int_equal(counters[0].switches, 1);
	assert_int_equal(counters[0].tag, 1);
	assert_int_equal(counters[0].running_since_tsc, now);
	assert_int_equal(cpus[0].queue_tsc, 0); /* nobody else wants the CPU */

	now += MS;
	second = machine_thread(1, 0);
	shares[1][0].charged = now; /* the entity has slept */
	sched_ready(second);
	assert_int_equal(cpus[0].pending, PENDING_RESCHEDULE);
	assert_int_equal(pages[0].cpu_tsc, MS);
	(void)machine_obey(0);
	assert_ptr_equal(cpus[0].running, second);
	assert_int_equal(counters[0].tag, 2);
	assert_int_equal(cpus[0].queue_tsc, now + SCHED_SLICE_NS);

	late = machine_thread(0, 0);
	sched_ready(late);
	assert_int_equal(cpus[0].pending, 0);
	(void)machine_obey(0);
	sched_next(&cpus[0]);
	assert_ptr_equal(cpus[0].running, second);
	assert_int_equal(counters[0].switches, 2);
}

/*
 * A wake-up on another CPU lets that CPU set its timer anew; an idle CPU that may have the thread
 * is woken.
 */
static void test_wake_elsewhere(void **state)
{
	struct thread *thread;

	(void)state;
	machine_start();
	(void)machine_running(0, 1);
	cpus[2].idle = true;
	for (u32 allowed_there = 0; allowed_there <= 1; allowed_there++) {
		groups[1].affinity = allowed_there ? ~0ull : 3;
		thread = machine_thread(1, 1);
		sched_ready(thread);
		assert_int_equal(cpus[0].pending, 0);
		assert_int_equal(machine_obey(1), PENDING_TIMER);
		assert_int_equal(cpus[2].pending, allowed_there ? PENDING_RESCHEDULE : 0);
	}
	/* If the idle CPU itself wakes the thread, no other CPU is woken. */
	cpus[2].pending = 0;
	cpus[0].idle = true;
	sched_ready(machine_thread(1, 2));
	assert_int_equal(cpus[0].pending, 0);
	assert_int_equal(cpus[2].pending, PENDING_RESCHEDULE);
}

/*
 * A thread that is woken before its CPU has let it wait goes on, or stays where it waits for the
 * CPU.
 */
static void test_woken_early(void **state)
{
	struct thread *first;
	struct thread *second;

	(void)state;
	machine_start();
	first = machine_running(0, 0);
	first->state = THREAD_WAITING;
	first->state = THREAD_READY;
	sched_ready(first);
	assert_int_equal(cpus[0].queue->count, 1);
	sched_next(&cpus[0]);
	assert_ptr_equal(cpus[0].running, first);

	now += MS;
	second = machine_thread(1, 0);
	shares[1][0].charged = now; /* the entity has slept */
	first->state = THREAD_WAITING;
	sched_ready(second);
	first->state = THREAD_READY;
	sched_next(&cpus[0]);
	assert_ptr_equal(cpus[0].running, second);
	sched_ready(first);
	assert_int_equal(cpus[0].queue->count, 2);
	second->state = THREAD_WAITING;
	sched_next(&cpus[0]);
	assert_ptr_equal(cpus[0].running, first);
	assert_int_equal(cpus[0].queue->count, 1);
}

/* A thread that blocks is charged and leaves; the time that the next thread has waited is shown. */
static void test_block(void **state)
{
	struct vcpu_page page = {0};
	struct vcpu vcpu = {.virt.page = &page};
	struct thread *first;
	struct thread *second;

	(void)state;
	machine_start();
	first = machine_running(0, 0);
	second = machine_thread(1, 0);
	second->run.virtual_time = 100 * MS;
	second->ran = &vcpu;
	vcpu.thread = second;
	sched_ready(second);
	now += 3 * MS;
	first->state = THREAD_WAITING;
	sched_next(&cpus[0]);
	assert_false(first->run.runnable);
	assert_int_equal(pages[0].cpu_tsc, 3 * MS);
	(void)machine_obey(0);
	assert_ptr_equal(cpus[0].running, second);
	assert_int_equal(second->waited_tsc, 3 * MS);
	assert_int_equal(pages[1].waited_tsc, 3 * MS);
	assert_int_equal(page.waited_tsc, 3 * MS);

	/* A clock that is behind charges nothing and lets nobody wait. */
	now -= MS;
	sched_next(&cpus[0]);
	assert_int_equal(pages[1].cpu_tsc, 0);
	first->ready_tsc = now + MS;
	second->state = THREAD_WAITING;
	sched_ready(first);
	first->ready_tsc = now + MS;
	sched_next(&cpus[0]);
	assert_ptr_equal(cpus[0].running, first);
	assert_false(second->run.runnable);
	assert_int_equal(first->waited_tsc, 0);
}

/* Missed deadlines are added to the count of the group, once; a spent cap leaves the CPU idle. */
static void test_limits_shown(void **state)
{
	struct thread *thread;

	(void)state;
	machine_start();
	thread = machine_running(0, 0);
	pages[0].missed = 5;
	thread->run.reservation.missed_count = 3;
	sched_next(&cpus[0]);
	sched_next(&cpus[0]);
	assert_int_equal(pages[0].missed, 8);
	run_group_set_cap(&groups[0].run, 10, 100 * MS, now);
	now += 10 * MS;
	sched_next(&cpus[0]);
	assert_null(cpus[0].running);
	assert_int_equal(counters[0].tag, 0);
	assert_int_equal(cpus[0].queue_tsc, now + 90 * MS);
}

/* Only a thread that waits is taken out; the running one leaves when its CPU looks. */
static void test_remove(void **state)
{
	struct thread *running;
	struct thread *waiting;

	(void)state;
	machine_start();
	running = machine_running(0, 0);
	waiting = machine_thread(1, 0);
	sched_remove(waiting);
	sched_ready(waiting);
	sched_remove(waiting);
	assert_false(waiting->run.runnable);
	sched_remove(running);
	assert_true(running->run.runnable);
	assert_int_equal(queues[0].count, 1);
	running->state = THREAD_DEAD;
	sched_next(&cpus[0]);
	assert_null(cpus[0].running);
	assert_false(running->run.runnable);
}

/* Past its slice a thread may go on for a little, once; not before, and not past a reservation. */
static void test_extend(void **state)
{
	struct thread *running;
	u64 left;

	(void)state;
	machine_start();
	(void)machine_running(0, 0);
	sched_ready(machine_thread(1, 0));
	cpus[0].pending = 0;
	now += SCHED_SLICE_NS - 1;
	sched_extend(&cpus[0]);
	assert_false(cpus[0].grace);
	now++;
	sched_extend(&cpus[0]);
	assert_true(cpus[0].grace);
	assert_int_equal(cpus[0].queue_tsc, now + SCHED_GRACE_NS);
	assert_int_equal(pages[0].cpu_tsc, SCHED_SLICE_NS);
	sched_next(&cpus[0]);
	assert_false(cpus[0].grace);
	sched_next(&cpus[0]);

	machine_start();
	running = machine_running(0, 0);
	assert_int_equal(sched_reserve(running, 10 * MS, 100 * MS, &left), STATUS_OK);
	now += SCHED_SLICE_NS;
	sched_extend(&cpus[0]);
	assert_false(cpus[0].grace);
}

/* A thread goes where it wants or must, if it can run. */
static void test_move(void **state)
{
	static const struct {
		u64 affinity;
		enum thread_state state;
		int wanted; /* the CPU that is wanted; -1: none */
		bool must;
		u32 end;
	} table[] = {
		{~0ull, THREAD_READY, -1, false, 0}, {~0ull, THREAD_READY, 0, true, 0},
		{~0ull, THREAD_READY, 2, true, 2},   {5, THREAD_READY, 2, true, 2},
		{2, THREAD_READY, 2, true, 1}, /* the thread may not run there any more */
		{6, THREAD_READY, -1, true, 1},	     {4, THREAD_READY, -1, true, 2},
		{4, THREAD_WAITING, -1, true, 0},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(table); i++) {
		struct thread *thread;

		machine_start();
		thread = machine_running(0, 0);
		groups[0].affinity = table[i].affinity;
		thread->state = table[i].state;
		if (table[i].wanted >= 0)
			thread->wanted = &cpus[table[i].wanted];
		assert_int_equal(sched_must_move(&cpus[0]), table[i].must);
		if (!table[i].must)
			continue;
		now += MS;
		sched_move(&cpus[0]);
		assert_null(thread->wanted);
		assert_ptr_equal(thread->cpu, &cpus[table[i].end]);
		if (table[i].end == 0) {
			assert_ptr_equal(cpus[0].running, thread);
			assert_null(unloaded);
			continue;
		}
		assert_null(cpus[0].running);
		assert_ptr_equal(unloaded, thread);
		assert_int_equal(pages[0].cpu_tsc, MS);
		assert_int_equal(cpus[0].pending, PENDING_RESCHEDULE);
		assert_int_equal(cpus[table[i].end].pending, PENDING_RESCHEDULE);
		assert_int_equal(queues[0].count, 0);
		assert_int_equal(queues[0].load, 0);
	}
	machine_start();
	assert_false(sched_must_move(&cpus[0]));
}

/* A CPU without work asks the one with the most to give, of those that have a thread to spare. */
static void test_request_work(void **state)
{
	static const struct {
		u64 count[CPUS];
		u64 load[CPUS];
		u32 asked; /* the CPU that is asked; CPUS: none */
	} table[] = {
		{{0, 0, 0}, {0, 0, 0}, CPUS},	 {{0, 1, 1}, {0, 1024, 2048}, CPUS},
		{{0, 2, 1}, {0, 1024, 2048}, 1}, {{0, 2, 2}, {0, 1024, 2048}, 2},
		{{0, 2, 2}, {0, 2048, 1024}, 1}, {{2, 0, 0}, {1024, 0, 0}, CPUS},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(table); i++) {
		machine_start();
		for (u32 id = 0; id < CPUS; id++) {
			queues[id].count = table[i].count[id];
			queues[id].load = table[i].load[id];
		}
		sched_request_work(&cpus[0]);
		for (u32 id = 0; id < CPUS; id++)
			assert_int_equal(cpus[id].pending, id == table[i].asked ? PENDING_GIVE : 0);
	}
}

/*
 * Of the threads that wait, one is handed over that is better off and may go; then none soon again.
 */
static void test_give(void **state)
{
	struct thread *waiting[2];

	(void)state;
	machine_start();
	(void)machine_running(0, 0);
	groups[0].affinity = 1;
	waiting[0] = machine_thread(0, 0);
	waiting[1] = machine_thread(1, 0);
	sched_ready(waiting[0]);
	waiting[1]->run.virtual_time = 50 * MS;
	sched_ready(waiting[1]);
	for (u32 id = 0; id < CPUS; id++)
		cpus[id].pending = 0;
	now += MS;
	sched_give(&cpus[0]);
	assert_int_equal(waiting[1]->ready_tsc, now - MS); /* the thread still waits */
	assert_ptr_equal(waiting[0]->cpu, &cpus[0]);	   /* first in line, but tied to this CPU */
	assert_ptr_equal(waiting[1]->cpu, &cpus[1]);
	assert_ptr_equal(unloaded, waiting[1]);
	assert_int_equal(waiting[1]->moved_tsc, now);
	assert_int_equal(cpus[0].balance_tsc, now + SCHED_BALANCE_NS);
	assert_int_equal(cpus[1].balance_tsc, now + SCHED_BALANCE_NS);
	assert_int_equal(cpus[1].pending, PENDING_RESCHEDULE);
	assert_int_equal(queues[0].count, 2);
	/* No thread is left that may go. */
	sched_give(&cpus[0]);
	assert_int_equal(cpus[0].balance_tsc, now + SCHED_RETRY_NS);
	assert_int_equal(queues[0].count, 2);
}

/* A thread goes to a busy CPU only if it gains, and if it has stayed a while. */
static void test_give_to_busy(void **state)
{
	struct thread *thread;

	(void)state;
	machine_start();
	for (u32 id = 0; id < CPUS; id++)
		(void)machine_running(0, id);
	thread = machine_thread(1, 0);
	thread->moved_tsc = now;
	thread->run.virtual_time = 50 * MS;
	sched_ready(thread);
	queues[2].load += 4096;
	now += SCHED_STAY_NS;
	sched_give(&cpus[0]);
	assert_ptr_equal(thread->cpu, &cpus[0]);
	now++;
	queues[1].load += 1024; /* with the thread, that CPU has more load than this one */
	sched_give(&cpus[0]);
	assert_ptr_equal(thread->cpu, &cpus[0]);
	queues[1].load -= 1024;
	sched_give(&cpus[0]);
	assert_ptr_equal(thread->cpu, &cpus[1]);
}

static void test_yield(void **state)
{
	struct thread *fellow;
	struct thread *stranger;
	struct thread *far;

	(void)state;
	machine_start();
	(void)machine_running(0, 0);
	fellow = machine_thread(0, 0);
	stranger = machine_thread(1, 0);
	far = machine_thread(0, 1);
	sched_ready(fellow);
	sched_ready(stranger);
	sched_ready(far);
	cpus[0].pending = 0;
	assert_int_equal(sched_yield(&cpus[0], stranger), STATUS_NOT_FOUND);
	assert_int_equal(sched_yield(&cpus[0], far), STATUS_NOT_FOUND);
	assert_int_equal(cpus[0].pending, 0);
	assert_int_equal(sched_yield(&cpus[0], fellow), STATUS_OK);
	assert_int_equal(machine_obey(0), PENDING_RESCHEDULE);
	assert_int_equal(sched_yield(&cpus[0], NULL), STATUS_OK);
	assert_int_equal(cpus[0].pending, PENDING_RESCHEDULE);
}

/* A reservation without room is refused, or found on another CPU, for the caller itself alone. */
static void test_reserve(void **state)
{
	struct thread *first;
	struct thread *second;
	u64 left;

	(void)state;
	machine_start();
	first = machine_running(0, 0);
	groups[0].reservable_permille = 700;
	assert_int_equal(sched_reserve(first, 8 * MS, 10 * MS, &left), STATUS_NO_QUOTA);
	assert_int_equal(left, 700);
	assert_int_equal(sched_reserve(first, 6 * MS, 10 * MS, &left), STATUS_OK);
	assert_int_equal(pages[0].reserved_permille, 600);
	/* the new reservation replaces the old one */
	assert_int_equal(sched_reserve(first, 7 * MS, 10 * MS, &left), STATUS_OK);
	assert_int_equal(pages[0].reserved_permille, 700);

	/* 250 are left here, 350 on CPU 1; CPU 2 has all, but is not allowed. */
	queues[1].reserved = 600 * 1000000ull;
	groups[1].affinity = 3;
	second = machine_thread(1, 0);
	sched_ready(second);
	assert_int_equal(sched_reserve(second, 3 * MS, 10 * MS, &left), STATUS_NO_QUOTA);
	assert_null(second->wanted); /* the thread is not the caller */
	cpus[0].running = second;
	assert_int_equal(sched_reserve(second, 4 * MS, 10 * MS, &left), STATUS_NO_QUOTA);
	assert_int_equal(left, 350);
	assert_int_equal(sched_reserve(second, 3 * MS, 10 * MS, &left), STATUS_AGAIN);
	assert_ptr_equal(second->wanted, &cpus[1]);
	assert_int_equal(pages[1].reserved_permille, 0);
	groups[1].affinity = ~0ull;
	assert_int_equal(sched_reserve(second, 3 * MS, 10 * MS, &left), STATUS_AGAIN);
	assert_ptr_equal(second->wanted, &cpus[2]);
	queues[2].reserved = 640 * 1000000ull;
	assert_int_equal(sched_reserve(second, 3 * MS, 10 * MS, &left), STATUS_AGAIN);
	assert_ptr_equal(second->wanted, &cpus[1]); /* the CPU that has most left */
	groups[1].affinity = 4;
	assert_int_equal(sched_reserve(second, MS, 10 * MS, &left), STATUS_AGAIN);
	assert_ptr_equal(second->wanted, &cpus[2]);
	cpus[0].running = first;

	first->state = THREAD_DEAD;
	sched_next(&cpus[0]);
	sched_forget(first);
	assert_int_equal(pages[0].reserved_permille, 0);
	assert_int_equal(queues[0].reserved, 0);
	assert_null(first->run.queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake),	     cmocka_unit_test(test_wake_elsewhere),
		cmocka_unit_test(test_block),	     cmocka_unit_test(test_woken_early),
		cmocka_unit_test(test_limits_shown), cmocka_unit_test(test_remove),
		cmocka_unit_test(test_extend),	     cmocka_unit_test(test_move),
		cmocka_unit_test(test_request_work), cmocka_unit_test(test_give),
		cmocka_unit_test(test_give_to_busy), cmocka_unit_test(test_yield),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
