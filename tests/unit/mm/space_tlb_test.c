/* SPDX-License-Identifier: MIT */
/* No access through a TLB reaches a page that the space no longer owns. */
#include "tests/unit/mm/space_machine.h"

/* A guest's mappings and the tagged TLB: after an unmap no vCPU reaches the pages. */
static void test_guest_unmap(void **state)
{
	struct tag *a = &tags[4];
	struct tag *b = &tags[5];
	struct space *space;
	struct memory *memory;
	struct quota quota;
	u64 tables;
	u64 before;
	u64 at;
	hpa_t hpa;

	(void)state;
	start(32 * MIB);
	before = machine_free_pages();
	machine_quota(&quota, 4000);
	space = guest_create(&quota);
	assert_int_equal(memory_create(&quota, PAGE_GUEST, 1030, 0, &memory), STATUS_OK);
	assert_int_equal(MAP(space, 0, 0, 1030, ALL), STATUS_OK);
	/* Two vCPUs on one CPU, each with its own tag. */
	for (u64 page = 0; page < 1030; page += 103) {
		assert_true(guest_access(space, a, page * PAGE_SIZE, PT_WRITE, &hpa));
		assert_true(guest_access(space, b, page * PAGE_SIZE, PT_READ, &hpa));
		assert_ptr_equal(hpa_to_pointer(hpa), memory_pointer(memory, page));
	}
	object_put(&memory->object);
	tables = page_counts[PAGE_TABLE];
	unmap_all(space, 0, 1030 * PAGE_SIZE);
	/* A page walk in progress on another CPU may still use the tables. */
	assert_int_equal(page_counts[PAGE_TABLE], tables);
	machine_settle();
	assert_true(page_counts[PAGE_TABLE] < tables);
	for (u64 page = 0; page < 1030; page += 103) {
		assert_false(guest_access(space, a, page * PAGE_SIZE, PT_READ, &hpa));
		assert_false(guest_access(space, b, page * PAGE_SIZE, PT_READ, &hpa));
	}
	/* The last tables are not free either while a CPU that has just left them may walk them. */
	tables = page_counts[PAGE_TABLE];
	object_put(&space->object);
	assert_int_equal(page_counts[PAGE_TABLE], tables);
	machine_assert_clean(before, &quota);
}

/* A process's pages are freed as a guest's are; its tables are in CR3 during the unmap. */
static void test_process_unmap(void **state)
{
	struct space *space;
	struct space *other;
	struct memory *memory;
	u64 before;
	u64 at;
	hpa_t hpa;

	(void)state;
	start(16 * MIB);
	before = machine_free_pages();
	space = process_create(NULL);
	other = process_create(NULL);
	memory = ram_create(20);
	assert_int_equal(MAP(space, MIB, 0, 20, PT_READ | PT_WRITE), STATUS_OK);
	fault_settle(space, MIB, PT_WRITE);
	assert_true(process_access(space, MIB, PT_WRITE, &hpa));
	tlb_process_enter(space, 0);
	assert_true(tags[0].count != 0); /* the tables were not loaded again */
	unmap_all(space, MIB, 20 * PAGE_SIZE);
	/* The CPU kicks itself, passes its loop and goes on in the same process. */
	assert_int_equal(kicks[0], 1);
	machine_pass(0);
	assert_false(process_access(space, MIB, PT_READ, &hpa));
	/* The pages are mapped again without a pass in between. */
	assert_int_equal(MAP(space, MIB, 0, 20, PT_READ | PT_WRITE), STATUS_OK);
	fault_settle(space, MIB, PT_WRITE);
	assert_true(process_access(space, MIB, PT_WRITE, &hpa));
	unmap_all(space, MIB, 20 * PAGE_SIZE);
	assert_false(process_access(space, MIB, PT_READ, &hpa));

	/* A space is not destroyed before the CPU has left it. */
	assert_true(space->cpus[0] & 1);
	assert_int_equal(space_destroy(space), STATUS_AGAIN);
	assert_int_equal(space_destroy(space), STATUS_AGAIN);
	machine_pass(0);
	assert_int_equal(tags[0].root.value, kernel_table.root.kernel.value);
	assert_int_equal(space_destroy(space), STATUS_OK);
	tlb_process_enter(other, 0);
	tlb_cpu_idle(0, true);
	assert_int_equal(tags[0].root.value, kernel_table.root.kernel.value);
	tlb_cpu_idle(0, false);
	/* Loading another space's tables leaves this space as well. */
	space = process_create(NULL);
	tlb_process_enter(other, 0);
	tlb_process_enter(space, 0);
	assert_int_equal(other->cpus[0], 0);
	assert_int_equal(tags[0].root.value, space->table.root.kernel.value);
	tlb_process_leave(0);
	assert_int_equal(space_destroy(space), STATUS_OK);
	object_put(&other->object);
	object_put(&memory->object);
	machine_assert_clean(before, NULL);
}

/*
 * Another CPU runs on the space: it is kicked, and no page is reused before it has passed, in
 * whatever order the two pass their loops.
 */
static void test_two_cpus(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		struct space *space;
		struct memory *memory;
		u64 before;
		u64 passes[2] = {0};
		bool torn = false;
		u64 at;
		hpa_t hpa;

		start(16 * MIB);
		before = machine_free_pages();
		tlb_cpu_online(1);
		space = process_create(NULL);
		memory = ram_create(20);
		assert_int_equal(MAP(space, MIB, 0, 20, PT_READ | PT_WRITE), STATUS_OK);
		fault_settle(space, MIB, PT_WRITE);
		current_cpu = 1;
		assert_true(process_access(space, MIB, PT_WRITE, &hpa));
		current_cpu = 0;
		object_put(&memory->object);
		while (tlb_pages_waiting() != 0 || !torn) {
			current_cpu = (u32)random_below(2);
			if (current_cpu == 0 && !torn) {
				/* The last reference goes: the pages wait. */
				unmap_all(space, MIB, 20 * PAGE_SIZE);
				assert_true(kicks[1] >= 1);
				torn = true;
				continue;
			}
			/* Until it passes, CPU 1 uses what its TLB still holds. */
			if (current_cpu == 1 && torn && passes[1] == 0) {
				tag_access(&tags[1], &space->table, MIB, PT_READ, &hpa);
				assert_int_equal(page_owner(hpa), PAGE_GUEST);
			}
			machine_pass(current_cpu);
			passes[current_cpu] += torn;
			/*
			 * The thread of CPU 1 goes on in ring 3: nothing must be left in the TLB.
			 */
			if (current_cpu == 1 && torn)
				assert_false(
					tag_access(&tags[1], &space->table, MIB, PT_READ, &hpa));
			if (current_cpu == 1 && torn)
				assert_false(process_access(space, MIB, PT_READ, &hpa));
		}
		assert_true(passes[0] >= 1 && passes[1] >= 1);
		current_cpu = 1;
		tlb_process_leave(1);
		tlb_cpu_idle(1, true);
		current_cpu = 0;
		object_put(&space->object);
		/* An idle CPU is not waited for. */
		machine_assert_clean(before, NULL);
	}
}

/*
 * CPU 1 passes while CPU 0 is still inside the call that unmaps, before it raises the generation:
 * these passes do not count, for CPU 1 may go on with old translations.
 */
static void test_pass_before_flush(void **state)
{
	struct space *space;
	hpa_t hpa;

	(void)state;
	start(16 * MIB);
	tlb_cpu_online(1);
	space = process_create(NULL);
	tlb_process_enter(space, 1);
	assert_int_equal(page_alloc(0, PAGE_TABLE, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	for (unsigned int n = 0; n < 5; n++)
		machine_pass(1);
	tlb_flush_space(space);
	for (unsigned int n = 0; n < 5; n++)
		machine_pass(0);
	assert_int_equal(tlb_pages_waiting(), 1);
	for (unsigned int n = 0; n < 5; n++) {
		machine_pass(1);
		machine_pass(0);
	}
	assert_int_equal(tlb_pages_waiting(), 0);
}

static struct quota full;
static enum status charged;

/* Wants one more page on another CPU of the group, which has all that it may have. */
static void charge_more(void)
{
	charged = quota_charge(&full, PAGE_KERNEL, 1);
}

/* At no instant is a page neither charged nor on its way, nor is it free before its mark. */
static void test_returning(void **state)
{
	hpa_t first;
	hpa_t second;

	(void)state;
	start(4 * MIB);
	tlb_cpu_online(1);
	machine_quota(&full, 2);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, &full, &first), STATUS_OK);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, &full, &second), STATUS_OK);
	machine_clock_read = charge_more;
	tlb_page_free(first, &full);
	machine_clock_read = NULL;
	assert_int_equal(charged, STATUS_NO_QUOTA);
	assert_int_equal(quota_charge(&full, PAGE_KERNEL, 1), STATUS_AGAIN);
	/* One CPU's pages are queued before another's, and released behind them. */
	quota_release(&full, PAGE_KERNEL, 0, tlb_pages_mark() + 2);
	tlb_page_free(second, &full);
	while (tlb_pages_waiting() != 0) {
		assert_int_equal(quota_charge(&full, PAGE_KERNEL, 2), STATUS_AGAIN);
		machine_pass(1);
		machine_pass(0);
	}
	assert_int_equal(quota_charge(&full, PAGE_KERNEL, 2), STATUS_AGAIN);
	assert_int_equal(quota_charge(&full, PAGE_KERNEL, ~0ull), STATUS_NO_QUOTA);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &first), STATUS_OK);
	tlb_page_free(first, NULL);
	while (tlb_pages_waiting() != 0) {
		machine_pass(1);
		machine_pass(0);
	}
	assert_int_equal(quota_charge(&full, PAGE_KERNEL, 2), STATUS_OK);
}

/* The end of a group waits for the group's pages, and not for pages that are freed in between. */
static void test_mark(void **state)
{
	u64 mark;
	hpa_t hpa;

	(void)state;
	start(4 * MIB);
	tlb_cpu_online(1);
	assert_true(tlb_pages_freed(tlb_pages_mark()));
	assert_int_equal(page_alloc(1, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	mark = tlb_pages_mark();
	for (unsigned int n = 0; n < 5; n++)
		machine_pass(0);
	assert_false(tlb_pages_freed(mark));
	for (unsigned int n = 0; n < 5; n++) {
		assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
		tlb_page_free(hpa, NULL);
		machine_pass(1);
		machine_pass(0);
	}
	assert_true(tlb_pages_waiting() != 0);
	assert_true(tlb_pages_freed(mark));
}

/* A kicked CPU that does not pass means a broken machine, but only after a time limit. */
static void test_cpu_gone(void **state)
{
	hpa_t hpa;

	(void)state;
	start(4 * MIB);
	tlb_cpu_online(1);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	machine_clock_ms = ~0ull - 5;
	for (u32 ms = 0; ms < 20000; ms += 100) {
		machine_pass(0);
		machine_clock_ms += 100;
		if (ms % 9000 == 0)
			machine_pass(1);
	}
	assert_int_equal(tlb_pages_waiting(), 0);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	assert_panics({
		for (u32 ms = 0; ms < 30000; ms += 100) {
			machine_pass(0);
			machine_clock_ms += 100;
		}
	});
	/* An idle CPU need not pass. */
	start(4 * MIB);
	tlb_cpu_online(1);
	tlb_cpu_idle(1, true);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	for (u32 n = 0; n < 10; n++, machine_clock_ms += 9000)
		machine_pass(0);
	assert_int_equal(tlb_pages_waiting(), 0);
}

/* A page waits for CPU 1; after CPU 1 was kicked, the machine is suspended for an hour. */
static void suspend_after_kick(void)
{
	hpa_t hpa;

	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	for (kicks[1] = 0; kicks[1] == 0;)
		machine_pass(0);
	machine_clock_ms += 3600000;
	machine_pass(0);
	assert_int_equal(kicks[1], 2);
}

/* After a suspend the CPU is kicked again, and its time limit starts anew. */
static void test_suspended(void **state)
{
	(void)state;
	start(4 * MIB);
	tlb_cpu_online(1);
	for (u32 n = 0; n < 3; n++) {
		suspend_after_kick();
		machine_clock_ms += 9000;
		machine_pass(0);
		assert_int_equal(kicks[1], 2);
		machine_pass(1);
	}
	suspend_after_kick();
	machine_clock_ms += 11000;
	assert_panics(machine_pass(0));
}

/* A CPU whose last kick found nothing waiting any more is kicked again, however soon or late. */
static void test_reminded_for_nothing(void **state)
{
	hpa_t hpa;

	(void)state;
	for (u32 count = 1; count < 300; count++) {
		start(4 * MIB);
		tlb_cpu_online(1);
		for (u32 n = 0; n < count; n++) {
			assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
			tlb_page_free(hpa, NULL);
		}
		while (tlb_pages_waiting() != 0) {
			kicks[1] = 0;
			machine_pass(0);
			if (kicks[1] != 0)
				machine_pass(1);
		}
		machine_clock_ms += count % 2 != 0 ? 15000 : 5;
		kicks[1] = 0;
		assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
		tlb_page_free(hpa, NULL);
		machine_pass(0);
		assert_int_equal(kicks[1], 1);
	}
}

/* The clock of the CPU that checks may be a little behind that of the one that kicked. */
static void test_clocks_apart(void **state)
{
	hpa_t hpa;

	(void)state;
	start(4 * MIB);
	tlb_cpu_online(1);
	tlb_cpu_online(2);
	assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
	tlb_page_free(hpa, NULL);
	machine_clock_ms = 5000;
	for (kicks[1] = 0; kicks[1] == 0;)
		machine_pass(0);
	machine_clock_ms--;
	epoch_ms -= 1000; /* by the clock the epoch may end */
	for (u32 n = 0; n < 3; n++)
		tlb_cpu_passed(2, true);
	assert_int_equal(kicks[1], 1); /* the CPU is not taken for one that did not answer */
	assert_int_equal(tlb_pages_waiting(), 1);
}

/* A CPU passes; returns how many blocks it has freed. */
static u64 freed_by(u32 cpu)
{
	u64 before = tlb_pages_waiting();

	machine_pass(cpu);
	return before - tlb_pages_waiting();
}

/* CPU 1 frees all the time: CPU 0 does not work for it. */
static void test_who_frees(void **state)
{
	u64 freed[2] = {0};
	u64 brought = 0;
	u64 before;
	u64 most = 0;
	hpa_t hpa;

	(void)state;
	start(32 * MIB);
	tlb_cpu_online(1);
	before = machine_free_pages();
	for (u32 n = 0; n < 100; n++) {
		machine_cpu_id = 1;
		for (u32 i = 0; i < 150; i++, brought++) {
			assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
			tlb_page_free(hpa, NULL);
		}
		freed[1] += freed_by(1);
		machine_cpu_id = 0;
		for (u32 i = 0; i < 5; i++) {
			u64 count = freed_by(0);

			freed[0] += count;
			most = MAX(most, count);
		}
	}
	assert_in_range(most, 1, OTHERS_BLOCKS);
	assert_true(freed[1] > 90 * STEP_BLOCKS);
	assert_true(freed[0] <= 500 * OTHERS_BLOCKS);
	/* nothing stays if CPU 1 brings nothing more; CPU 0 frees at once what it has brought */
	for (u32 n = 0; tlb_pages_waiting() != 0; n++) {
		assert_true(n < brought);
		machine_pass(0);
		machine_pass(1);
	}
	for (u32 i = 0; i < 50; i++) {
		assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
		tlb_page_free(hpa, NULL);
	}
	for (most = 0; tlb_pages_waiting() != 0;) {
		u64 count = freed_by(0);

		most = MAX(most, count);
		machine_pass(1);
	}
	assert_true(most > 50 - 2 * OTHERS_BLOCKS);
	assert_int_equal(machine_free_pages(), before);
}

/*
 * A CPU that passes again at once takes no lock while no block may be freed yet, and frees all that
 * it has brought once they may.
 */
static void test_second_pass(void **state)
{
	u64 waiting;
	u32 taken;
	hpa_t hpa;

	(void)state;
	start(4 * MIB);
	tlb_cpu_online(1);
	for (u32 i = 0; i < 3 * STEP_BLOCKS; i++) {
		assert_int_equal(page_alloc(0, PAGE_KERNEL, NULL, &hpa), STATUS_OK);
		tlb_page_free(hpa, NULL);
	}
	waiting = tlb_pages_waiting();
	do {
		machine_pass(1);
		machine_pass(0);
		/* Each CPU has passed in this epoch once it has passed after the other's kick. */
		tlb_cpu_passed(0, true);
		if (tlb_pages_waiting() != waiting)
			break;
		taken = tlb_lock.next;
		tlb_cpu_passed(0, true);
		assert_int_equal(tlb_lock.next, taken);
	} while (tlb_pages_waiting() == waiting);
	for (u32 n = 0; n < 4; n++)
		tlb_cpu_passed(0, true);
	assert_int_equal(tlb_pages_waiting(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guest_unmap),
		cmocka_unit_test(test_process_unmap),
		cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_pass_before_flush),
		cmocka_unit_test(test_returning),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_cpu_gone),
		cmocka_unit_test(test_suspended),
		cmocka_unit_test(test_reminded_for_nothing),
		cmocka_unit_test(test_clocks_apart),
		cmocka_unit_test(test_who_frees),
		cmocka_unit_test(test_second_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
