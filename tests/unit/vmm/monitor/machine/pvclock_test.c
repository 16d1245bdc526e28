/* SPDX-License-Identifier: MIT */
/* A guest's time: TSC, nanoseconds and the KVM clock agree, and stand still during a pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/monitor/memory/guest_memory.h"
#include "vmm/monitor/machine/machine_time.c"
#include "vmm/monitor/machine/pvclock.c"

#define RAM_BYTES (4 * MIB)
#define RECORD	  0x200000u

static u8 *ram;
static struct guest_memory memory;
static struct machine_time now;
static struct machine_clock clock_now;
static struct pvclock pvclock;

static int make(void **unused)
{
	(void)unused;
	ram = calloc(1, RAM_BYTES);
	guest_memory_init(&memory, ram, RAM_BYTES);
	pvclock = (struct pvclock){0};
	now = (struct machine_time){0};
	return 0;
}

static int unmake(void **unused)
{
	(void)unused;
	free(ram);
	return 0;
}

/* Computes the time as Linux does from the record (pvclock-abi.h). */
static u64 guest_ns(u64 guest_tsc)
{
	const struct pvclock_record *record = (const struct pvclock_record *)(ram + RECORD);
	u64 delta = guest_tsc - record->tsc_timestamp;

	assert_int_equal(record->version & 1, 0);
	delta = record->tsc_shift >= 0 ? delta << record->tsc_shift : delta >> -record->tsc_shift;
	return record->system_time +
	       (u64)(((unsigned __int128)delta * record->tsc_to_system_mul) >> 32);
}

static void test_scale(void **unused)
{
	static const u64 khz[] = {1,	   999,	    1000,    1000000, 1000001, 2000000,
				  2399998, 3579545, 5000000, 500000,  100000,  4000000000ull};

	(void)unused;
	for (size_t i = 0; i < ARRAY_COUNT(khz); i++) {
		u64 hour = 3600 * 1000 * khz[i];
		u64 want = 3600 * NS_PER_S;
		s8 shift;
		u32 mul;
		u64 cycles = hour;
		u64 ns;

		pvclock_scale(khz[i], &mul, &shift);
		assert_true(mul >= 1u << 31);
		cycles = shift >= 0 ? cycles << shift : cycles >> -shift;
		ns = (u64)(((unsigned __int128)cycles * mul) >> 32);
		assert_in_range(ns, want - 4000, want); /* within one part in 10^9 */
	}
}

static void test_clock_agrees(void **unused)
{
	(void)unused;
	machine_time_start(&now, 2399998, 777000);
	machine_time_update(&now, &clock_now, 777000 + 5 * 2399998000ull);
	assert_int_equal(clock_now.now_ns, 5 * NS_PER_S);
	pvclock_write_msr(&pvclock, &memory, &clock_now, MSR_KVM_SYSTEM_TIME, RECORD | 1);
	assert_int_equal(pvclock_read_msr(&pvclock, MSR_KVM_SYSTEM_TIME), RECORD | 1);
	assert_int_equal(guest_ns(clock_now.guest_tsc), 5 * NS_PER_S);
	machine_time_update(&now, &clock_now, 777000 + 65 * 2399998000ull);
	assert_in_range(guest_ns(clock_now.guest_tsc), 65 * NS_PER_S - 100, 65 * NS_PER_S + 100);
	assert_int_equal(((const struct pvclock_record *)(ram + RECORD))->flags,
			 PVCLOCK_TSC_STABLE);
	/* the guest's RDTSC agrees with the clock */
	assert_int_equal(777000 + 65 * 2399998000ull + machine_time_tsc_offset(&now),
			 clock_now.guest_tsc);
}

static void test_pause(void **unused)
{
	const u64 khz = 1000000;
	u64 before;

	(void)unused;
	machine_time_start(&now, khz, 1000);
	machine_time_wall(&now, 1700000000, 1000);
	machine_time_pause(&now, 1000 + 2 * NS_PER_S);
	machine_time_update(&now, &clock_now, 1000 + 12 * NS_PER_S);
	assert_int_equal(clock_now.now_ns, 2 * NS_PER_S);
	assert_int_equal(clock_now.wall_ns, 1700000012 * NS_PER_S);
	before = clock_now.guest_tsc;
	pvclock_write_msr(&pvclock, &memory, &clock_now, MSR_KVM_SYSTEM_TIME, RECORD | 1);

	machine_time_resume(&now, 1000 + 12 * NS_PER_S);
	machine_time_update(&now, &clock_now, 1000 + 12 * NS_PER_S + 7);
	assert_int_equal(clock_now.now_ns, 2 * NS_PER_S + 7);
	assert_int_equal(clock_now.guest_tsc, before + 7);
	assert_int_equal(1000 + 12 * NS_PER_S + 7 + machine_time_tsc_offset(&now), before + 7);
	pvclock_update(&pvclock, &memory, &clock_now, true);
	assert_int_equal(((const struct pvclock_record *)(ram + RECORD))->flags,
			 PVCLOCK_TSC_STABLE | PVCLOCK_GUEST_STOPPED);
	assert_in_range(guest_ns(before + 1000), 2 * NS_PER_S + 990, 2 * NS_PER_S + 1010);
	machine_time_resume(&now, 99 * NS_PER_S); /* without a pause this has no effect */
	machine_time_update(&now, &clock_now, 1000 + 12 * NS_PER_S + 8);
	assert_int_equal(clock_now.now_ns, 2 * NS_PER_S + 8);
}

/* Forwards only, and never so far that it would look negative. */
static void test_jump(void **unused)
{
	(void)unused;
	machine_time_start(&now, 1000000, 1000);
	assert_int_equal(machine_time_wall_ns(&now, 5000), 0);
	machine_time_wall(&now, 1700000000, 1000);
	assert_int_equal(machine_time_wall_ns(&now, 5000), 1700000000 * NS_PER_S + 4000);
	machine_time_pause(&now, 5000);
	machine_time_jump(&now, 7 * 24 * 3600 * NS_PER_S);
	machine_time_resume(&now, 6000);
	machine_time_update(&now, &clock_now, 6000);
	assert_int_equal(clock_now.now_ns, 7 * 24 * 3600 * NS_PER_S + 4000);
	machine_time_pause(&now, 6000);
	machine_time_jump(&now, ~0ull);
	machine_time_jump(&now, 1ull << 63);
	machine_time_update(&now, &clock_now, 9000);
	assert_int_equal(clock_now.now_ns, 7 * 24 * 3600 * NS_PER_S + 4000);
}

static void test_deadline(void **unused)
{
	(void)unused;
	machine_time_start(&now, 2399998, 5000);
	assert_int_equal(machine_time_to_host(&now, DEADLINE_NONE), 0);
	for (u64 ns = 0; ns < 100000; ns += 333) {
		u64 host = machine_time_to_host(&now, ns);

		machine_time_update(&now, &clock_now, host);
		assert_in_range(clock_now.now_ns, ns, ns + 2);
	}
	assert_true(machine_time_to_host(&now, DEADLINE_NONE - 1) != 0);
	assert_true(machine_time_to_host(&now, DEADLINE_NONE - 1) < ~0ull);
}

/* The host was started anew after the save: the guest's time began before the host's. */
static void test_older_than_host(void **unused)
{
	u64 elapsed = 5000;

	(void)unused;
	machine_time_start(&now, 1000000, 100 - elapsed);
	machine_time_update(&now, &clock_now, 100);
	assert_int_equal(clock_now.now_ns, elapsed);
	assert_int_equal(clock_now.guest_tsc, elapsed);
	assert_int_equal(machine_time_tsc_offset(&now) + 100, elapsed);
	for (u64 ns = elapsed; ns < 100000; ns += 333) {
		machine_time_update(&now, &clock_now, machine_time_to_host(&now, ns));
		assert_in_range(clock_now.now_ns, ns, ns + 2);
	}
	/* a time that has passed long ago is due at once */
	assert_int_equal(machine_time_to_host(&now, 7), 1);
	assert_int_equal(machine_time_to_host(&now, DEADLINE_NONE), 0);
	assert_true(machine_time_to_host(&now, DEADLINE_NONE - 1) < ~0ull);
	assert_true(machine_time_to_host(&now, DEADLINE_NONE - 1) > ~0ull >> 1);
	machine_time_start(&now, 1000000, ~0ull);
	assert_true(machine_time_to_host(&now, DEADLINE_NONE - 1) < ~0ull);
	/* a time that has yet to begin stands at 0 */
	machine_time_start(&now, 1000000, 1000);
	machine_time_update(&now, &clock_now, 100);
	assert_int_equal(clock_now.now_ns, 0);
}

static void test_wall_clock(void **unused)
{
	u32 record[3];

	(void)unused;
	machine_time_start(&now, 1000000, 0);
	machine_time_wall(&now, 1700000000, 0);
	machine_time_update(&now, &clock_now, 3 * NS_PER_S + 5);
	pvclock_write_msr(&pvclock, &memory, &clock_now, MSR_KVM_WALL_CLOCK, 0x3004);
	memcpy(record, ram + 0x3004, sizeof(record));
	assert_int_equal(record[0] & 1, 0);
	assert_int_equal(record[1], 1700000000);
	assert_int_equal(record[2], 0);
}

/* Bad addresses from the guest are harmless. */
static void test_bad_addresses(void **unused)
{
	static const u64 bad[] = {RAM_BYTES - 8, RAM_BYTES,  ~0ull,  ~0ull - 30,
				  0xa0000,	 RECORD + 2, 0x9fffc};

	(void)unused;
	machine_time_start(&now, 1000000, 0);
	machine_time_update(&now, &clock_now, 99);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		pvclock_write_msr(&pvclock, &memory, &clock_now, MSR_KVM_SYSTEM_TIME, bad[i] | 1);
		pvclock_write_msr(&pvclock, &memory, &clock_now, MSR_KVM_WALL_CLOCK, bad[i]);
	}
	pvclock_write_msr(&pvclock, &memory, &clock_now, MSR_KVM_SYSTEM_TIME, RECORD);
	for (size_t i = 0; i < RAM_BYTES; i++)
		assert_int_equal(ram[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scale),
		cmocka_unit_test_setup_teardown(test_clock_agrees, make, unmake),
		cmocka_unit_test_setup_teardown(test_pause, make, unmake),
		cmocka_unit_test_setup_teardown(test_jump, make, unmake),
		cmocka_unit_test_setup_teardown(test_deadline, make, unmake),
		cmocka_unit_test_setup_teardown(test_older_than_host, make, unmake),
		cmocka_unit_test_setup_teardown(test_wall_clock, make, unmake),
		cmocka_unit_test_setup_teardown(test_bad_addresses, make, unmake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
