/* SPDX-License-Identifier: MIT */
/* The table of the MultiProcessor Specification 1.4, read as a kernel without ACPI reads it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/load/mp_table.c"

static u8 *ram;

/* The contents of the table, by the specification's entry types. */
static struct {
	u32 cpus;
	u32 boot_cpus;
	u32 buses;
	/* the number of the ISA bus; the other bus is PCI's, 0 as in its configuration space */
	u32 isa;
	u32 ioapics;
	u32 pin[256];	/* the pin of each ISA IRQ; ~0: it has none */
	u32 flags[256]; /* the polarity and trigger of each ISA IRQ */
	u32 slot[32];	/* the pin of each slot's INTA; ~0: it has none */
	u32 local[2];	/* the interrupts at LINT0 and LINT1 */
} found;

static int make_ram(void **state)
{
	(void)state;
	ram = calloc(1, 2 * MIB);
	return ram == NULL;
}

static int free_ram(void **state)
{
	(void)state;
	free(ram);
	return 0;
}

static u8 sum(const u8 *bytes, u64 length)
{
	u8 total = 0;

	while (length-- > 0)
		total = (u8)(total + *bytes++);
	return total;
}

static u32 number(const u8 *at, u32 bytes)
{
	u32 value = 0;

	memcpy(&value, at, bytes);
	return value;
}

static const u8 *find_pointer(void)
{
	for (u64 at = 0xf0000; at < 0x100000; at += 16) {
		if (memcmp(ram + at, "_MP_", 4) == 0 && sum(ram + at, 16) == 0)
			return ram + at;
	}
	return NULL;
}

static void read_processor(const u8 *entry)
{
	assert_int_equal(entry[1], found.cpus);
	assert_int_equal(entry[2], 0x14);
	assert_int_equal(entry[3] & 1, 1);
	assert_int_equal(number(entry + 4, 4), 0x800f12);
	assert_int_equal(number(entry + 8, 4), 0x178bfbff);
	found.boot_cpus += (entry[3] & 2) != 0;
	found.cpus++;
}

static void read_entry(const u8 *entry)
{
	switch (entry[0]) {
	case 0:
		read_processor(entry);
		break;
	case 1:
		assert_int_equal(entry[1], found.buses++);
		if (memcmp(entry + 2, "ISA   ", 6) == 0)
			found.isa = entry[1];
		else
			assert_true(memcmp(entry + 2, "PCI   ", 6) == 0 && entry[1] == 0);
		break;
	case 2:
		assert_int_equal(entry[1], 0);
		assert_int_equal(entry[2], 0x20);
		assert_int_equal(entry[3], 1);
		assert_int_equal(number(entry + 4, 4), 0xfec00000);
		found.ioapics++;
		break;
	case 3:
		assert_int_equal(entry[1], 0);
		assert_int_equal(entry[6], 0);
		if (entry[4] != found.isa) {
			assert_int_equal(entry[4] | number(entry + 2, 2) | (entry[5] & 3), 0);
			assert_int_equal(found.slot[entry[5] >> 2], ~0u);
			found.slot[entry[5] >> 2] = entry[7];
			break;
		}
		assert_int_equal(found.pin[entry[5]], ~0u);
		found.pin[entry[5]] = entry[7];
		found.flags[entry[5]] = number(entry + 2, 2);
		break;
	default:
		assert_int_equal(entry[0], 4);
		assert_int_equal(entry[6], 0xff);
		assert_in_range(entry[7], 0, 1);
		found.local[entry[7]] = entry[1];
		break;
	}
}

static void read_table(void)
{
	const u8 *pointer = find_pointer();
	const u8 *table;
	const u8 *at;
	u32 count = 0;

	memset(&found, 0, sizeof(found));
	memset(found.pin, 0xff, sizeof(found.pin));
	memset(found.slot, 0xff, sizeof(found.slot));
	assert_non_null(pointer);
	assert_int_equal(pointer[8], 1);
	assert_int_equal(pointer[9], 4);
	assert_int_equal(number(pointer + 11, 4) | pointer[15], 0); /* a table, no IMCR */
	table = ram + number(pointer + 4, 4);
	assert_memory_equal(table, "PCMP", 4);
	assert_int_equal(table[6], 4);
	assert_int_equal(sum(table, number(table + 4, 2)), 0);
	assert_int_equal(number(table + 36, 4), 0xfee00000);
	for (at = table + 44; at < table + number(table + 4, 2); at += at[0] == 0 ? 20 : 8) {
		read_entry(at);
		count++;
	}
	assert_ptr_equal(at, table + number(table + 4, 2));
	assert_int_equal(count, number(table + 34, 2));
	assert_in_range((u64)(at - ram), LAYOUT_MP, LAYOUT_MP + LAYOUT_MP_BYTES);
}

static void write_with(u32 vcpu_count, bool pci)
{
	mp_table_write(ram, vcpu_count,
		       (struct mp_cpu){.signature = 0x800f12, .features = 0x178bfbff}, pci);
}

static void write(u32 vcpu_count)
{
	write_with(vcpu_count, false);
}

static void test_processors(void **state)
{
	static const u32 vcpus[] = {1, 2, 64, 255};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(vcpus); i++) {
		write(vcpus[i]);
		read_table();
		assert_int_equal(found.cpus, vcpus[i]);
		assert_int_equal(found.boot_cpus, 1);
		assert_int_equal(found.ioapics, 1);
		assert_int_equal(found.buses, 1);
	}
}

/*
 * The interrupts are as in the MADT: IRQ 0 at pin 2, the SCI level-triggered, 8259s and NMI at the
 * local APICs.
 */
static void test_interrupts(void **state)
{
	(void)state;
	write(2);
	read_table();
	assert_int_equal(found.pin[0], 2);
	assert_int_equal(found.pin[2], ~0u);
	for (u32 irq = 1; irq < 16; irq++) {
		if (irq != 2)
			assert_int_equal(found.pin[irq], irq);
		assert_int_equal(found.flags[irq], irq == 9 ? 0xd : 0);
	}
	assert_int_equal(found.pin[16], ~0u);
	assert_int_equal(found.local[0], 3);
	assert_int_equal(found.local[1], 1);
}

/* Slot n's INTA at pin 16 + n % 8, as _PRT says; the ISA's interrupts are as without PCI. */
static void test_pci(void **state)
{
	static const u32 vcpus[] = {1, 255};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(vcpus); i++) {
		write_with(vcpus[i], true);
		read_table();
		assert_int_equal(found.buses, 2);
		assert_int_equal(found.isa, 1);
		assert_int_equal(found.slot[0], ~0u); /* the bridge has none */
		for (u32 slot = 1; slot < 32; slot++)
			assert_int_equal(found.slot[slot], 16 + slot % 8);
		assert_int_equal(found.pin[0], 2);
		assert_int_equal(found.pin[15], 15);
		assert_int_equal(found.local[0], 3);
	}
}

/* A second boot finds the same table, whatever the first one left in the memory. */
static void test_rewrite(void **state)
{
	u8 first[LAYOUT_MP_BYTES];

	(void)state;
	write(3);
	memcpy(first, ram + LAYOUT_MP, sizeof(first));
	memset(ram + LAYOUT_MP, 0xa5, sizeof(first));
	write(3);
	assert_memory_equal(first, ram + LAYOUT_MP, sizeof(first));
}

static bool ended;

/* A device that reaches the guest's RAM writes where the table's head goes. */
static void *scribble(void *argument)
{
	volatile u8 *head = ram + LAYOUT_MP + sizeof(struct mp_pointer);

	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED)) {
		for (u32 i = 0; i < sizeof(struct mp_header); i++)
			head[i] = 0x55;
	}
	return argument;
}

/*
 * Whatever a device writes to the table in between, the monitor writes to nothing beside the table.
 */
static void test_changed_meanwhile(void **state)
{
	pthread_t thread;

	(void)state;
	memset(ram, 0x5a, 2 * MIB);
	assert_int_equal(pthread_create(&thread, NULL, scribble, NULL), 0);
	for (u32 i = 0; i < 2000; i++)
		write(255);
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	for (u32 i = 0; i < 2 * MIB; i++) {
		if (i < LAYOUT_MP || i >= LAYOUT_MP + LAYOUT_MP_BYTES)
			assert_int_equal(ram[i], 0x5a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processors),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_pci),
		cmocka_unit_test(test_rewrite),
		cmocka_unit_test(test_changed_meanwhile),
	};

	return cmocka_run_group_tests(tests, make_ram, free_ram);
}
