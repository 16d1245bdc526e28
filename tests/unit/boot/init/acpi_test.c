/* SPDX-License-Identifier: MIT */
/* The kernel's reader of firmware tables: valid tables and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/init/acpi.c"

#define MEMORY_BYTES 4096u
#define MEMORY_BASE  0xe0000ull
#define RSDP_ADDRESS 0x7000ull /* away from the tables, like a loader's copy */
#define RSDT_AT	     0x100u
#define XSDT_AT	     0x200u
#define FADT_AT	     0x300u
#define MADT_AT	     0x400u
#define SRAT_AT	     0x800u

static u8 *memory; /* the tables on the heap, so that ASan sees an access past the end */
static size_t memory_bytes;
static size_t rsdp_bytes;
static struct acpi_rsdp rsdp;
static struct acpi_info info;

static const void *map(hpa_t address, u64 length)
{
	if (address.value == RSDP_ADDRESS)
		return length <= rsdp_bytes ? &rsdp : NULL;
	if (address.value < MEMORY_BASE || address.value - MEMORY_BASE > memory_bytes ||
	    length > memory_bytes - (address.value - MEMORY_BASE))
		return NULL;
	return memory + (address.value - MEMORY_BASE);
}

static void sum_set(void *table, size_t bytes, u8 *sum)
{
	u8 total = 0;

	*sum = 0;
	for (size_t i = 0; i < bytes; i++)
		total = (u8)(total + ((u8 *)table)[i]);
	*sum = (u8)-total;
}

static struct acpi_header *table_at(u32 offset)
{
	return (struct acpi_header *)(memory + offset);
}

static void seal(u32 offset)
{
	sum_set(table_at(offset), table_at(offset)->length, &table_at(offset)->checksum);
}

static void rsdp_seal(void)
{
	sum_set(&rsdp, ACPI_RSDP_V1_BYTES, &rsdp.checksum);
	sum_set(&rsdp, sizeof(rsdp), &rsdp.extended_checksum);
}

static void table_start(u32 offset, const char *signature, u32 length)
{
	memcpy(table_at(offset)->signature, signature, 4);
	table_at(offset)->length = length;
}

static void append(const void *bytes, size_t count)
{
	memcpy(memory + MADT_AT + table_at(MADT_AT)->length, bytes, count);
	table_at(MADT_AT)->length += (u32)count;
	seal(MADT_AT);
}

/* Adds an SRAT and lists it in the XSDT as the third table. */
static void srat_start(void)
{
	u64 address = MEMORY_BASE + SRAT_AT;

	memcpy(memory + XSDT_AT + table_at(XSDT_AT)->length, &address, 8);
	table_at(XSDT_AT)->length += 8;
	seal(XSDT_AT);
	table_start(SRAT_AT, "SRAT", sizeof(struct acpi_srat));
	seal(SRAT_AT);
}

static void srat_append(const void *bytes, size_t count)
{
	memcpy(memory + SRAT_AT + table_at(SRAT_AT)->length, bytes, count);
	table_at(SRAT_AT)->length += (u32)count;
	seal(SRAT_AT);
}

static int setup(void **state)
{
	struct acpi_madt *madt;
	u32 address;
	u64 address64;

	(void)state;
	memory = calloc(1, MEMORY_BYTES);
	memory_bytes = MEMORY_BYTES;
	memset(&rsdp, 0, sizeof(rsdp));
	rsdp_bytes = sizeof(rsdp);
	memcpy(rsdp.signature, "RSD PTR ", 8);
	rsdp.revision = 2;
	rsdp.length = sizeof(rsdp);
	rsdp.rsdt_address = MEMORY_BASE + RSDT_AT;
	rsdp.xsdt_address = MEMORY_BASE + XSDT_AT;
	rsdp_seal();

	table_start(FADT_AT, "FACP", 0x74);
	seal(FADT_AT);
	table_start(RSDT_AT, "RSDT", sizeof(struct acpi_header) + 8);
	table_start(XSDT_AT, "XSDT", sizeof(struct acpi_header) + 16);
	for (u32 i = 0; i < 2; i++) {
		address = (u32)MEMORY_BASE + (i == 0 ? FADT_AT : MADT_AT);
		address64 = address;
		memcpy(memory + RSDT_AT + sizeof(struct acpi_header) + 4 * i, &address, 4);
		memcpy(memory + XSDT_AT + sizeof(struct acpi_header) + 8 * i, &address64, 8);
	}
	seal(RSDT_AT);
	seal(XSDT_AT);

	table_start(MADT_AT, "APIC", sizeof(*madt));
	madt = (struct acpi_madt *)table_at(MADT_AT);
	madt->lapic_address = 0xfee00000;
	madt->flags = ACPI_MADT_PCAT_COMPAT;
	append(&(struct acpi_madt_lapic){{0, 8}, 7, 3, ACPI_CPU_ENABLED}, 8);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static enum status read_all(void)
{
	return acpi_read(HPA(RSDP_ADDRESS), map, &info);
}

/* Checks that acpi_read fails, and leaves what it promises in that case. */
static void expect_failure(enum status status)
{
	assert_int_equal(read_all(), status);
	assert_int_equal(info.cpu_count, 1);
	assert_int_equal(info.ioapic_count, 0);
	assert_int_equal(info.lapic.value, 0xfee00000);
}

static void test_one_cpu(void **state)
{
	(void)state;
	assert_int_equal(read_all(), STATUS_OK);
	assert_int_equal(info.cpu_count, 1);
	assert_int_equal(info.cpu[0].apic_id, 3);
}

static void test_all_entries(void **state)
{
	(void)state;
	/* a disabled CPU */
	append(&(struct acpi_madt_lapic){{0, 8}, 8, 4, 0}, 8);
	/* the same CPU again */
	append(&(struct acpi_madt_x2apic){{9, 16}, 0, 3, ACPI_CPU_ENABLED, 7}, 16);
	append(&(struct acpi_madt_x2apic){{9, 16}, 0, 500, ACPI_CPU_ENABLED, 9}, 16);
	append(&(struct acpi_madt_ioapic){{1, 12}, 5, 0, 0xfec00000, 24}, 12);
	append(&(struct acpi_madt_lapic_address){{5, 12}, 0, 0x1fee00000}, 12);
	append("\x7f\x05\x01\x02\x03", 5); /* an unknown type */

	assert_int_equal(read_all(), STATUS_OK);
	assert_int_equal(info.cpu_count, 2);
	assert_int_equal(info.cpu[1].apic_id, 500);
	assert_int_equal(info.ioapic_count, 1);
	assert_int_equal(info.ioapic[0].gsi_base, 24);
	assert_int_equal(info.ioapic[0].address.value, 0xfec00000);
	assert_int_equal(info.lapic.value, 0x1fee00000);
}

static void test_rsdt_when_there_is_no_xsdt(void **state)
{
	(void)state;
	rsdp.revision = 0;
	rsdp.xsdt_address = 0x12345;
	rsdp_seal();
	rsdp_bytes = ACPI_RSDP_V1_BYTES;
	assert_int_equal(read_all(), STATUS_OK);
	assert_int_equal(info.cpu[0].apic_id, 3);
}

static void test_rsdt_when_the_xsdt_is_broken(void **state)
{
	(void)state;
	memory[XSDT_AT + 30] ^= 1;
	assert_int_equal(read_all(), STATUS_OK);
}

static void test_bad_rsdp(void **state)
{
	(void)state;
	rsdp.oem_id[0] ^= 1;
	expect_failure(STATUS_BAD_FORMAT);
	rsdp_seal();
	assert_int_equal(read_all(), STATUS_OK);
	rsdp_bytes = ACPI_RSDP_V1_BYTES - 1;
	expect_failure(STATUS_BAD_ADDRESS);
	rsdp_bytes = sizeof(rsdp);
	rsdp.signature[0] = 'X';
	rsdp_seal();
	expect_failure(STATUS_BAD_FORMAT);
}

static void test_no_rsdp(void **state)
{
	(void)state;
	assert_int_equal(acpi_read(HPA(0), map, &info), STATUS_NOT_FOUND);
	assert_int_equal(info.cpu_count, 1);
}

static void test_root_out_of_memory(void **state)
{
	(void)state;
	rsdp.xsdt_address = ~0ull - 3;
	rsdp.rsdt_address = 0xfffffff0;
	rsdp_seal();
	expect_failure(STATUS_BAD_ADDRESS);
}

static void test_bad_table_lengths(void **state)
{
	const u32 lengths[] = {0, 35, 36, 43, 0xffffffff, ACPI_TABLE_BYTES_MAX + 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		table_at(MADT_AT)->length = lengths[i];
		if (lengths[i] >= 36 && lengths[i] < MEMORY_BYTES)
			seal(MADT_AT);
		expect_failure(STATUS_BAD_FORMAT);
	}
	table_at(MADT_AT)->length = MEMORY_BYTES - MADT_AT + 1;
	expect_failure(STATUS_BAD_ADDRESS);
}

static void test_bad_madt_checksum(void **state)
{
	(void)state;
	memory[MADT_AT + 40] ^= 1;
	expect_failure(STATUS_BAD_FORMAT);
}

static void test_no_madt(void **state)
{
	(void)state;
	table_at(MADT_AT)->signature[0] = 'X';
	expect_failure(STATUS_NOT_FOUND);
}

static void test_bad_entries(void **state)
{
	u8 *length = memory + MADT_AT + sizeof(struct acpi_madt) + 1;
	const u8 lengths[] = {0, 1, 9, 255};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
		*length = lengths[i];
		seal(MADT_AT);
		expect_failure(STATUS_BAD_FORMAT);
	}
	*length = 8;
	append("\0", 1); /* half an entry's header */
	expect_failure(STATUS_BAD_FORMAT);
}

static void test_short_entry_is_passed_over(void **state)
{
	(void)state;
	append("\1\4\0\0", 4);
	assert_int_equal(read_all(), STATUS_OK);
	assert_int_equal(info.ioapic_count, 0);
}

static void test_more_entries_than_room(void **state)
{
	(void)state;
	for (u32 i = 0; i < IOAPIC_MAX + 3; i++)
		append(&(struct acpi_madt_ioapic){{1, 12}, (u8)i, 0, 0xfec00000, 24 * i}, 12);
	for (u32 i = 0; i < 300; i++)
		append(&(struct acpi_madt_lapic){{0, 8}, (u8)i, (u8)i, ACPI_CPU_ENABLED}, 8);
	assert_int_equal(read_all(), STATUS_OK);
	assert_int_equal(info.ioapic_count, IOAPIC_MAX);
	assert_int_equal(info.cpu_count, ACPI_CPU_MAX);
}

/* A table with any one byte wrong is refused, and nothing past its end is read. */
static void test_every_flipped_byte(void **state)
{
	size_t end = MADT_AT + table_at(MADT_AT)->length;

	(void)state;
	memory = realloc(memory, end);
	memory_bytes = end;
	for (size_t i = MADT_AT; i < end; i++) {
		memory[i] ^= 0x80;
		assert_int_not_equal(read_all(), STATUS_OK);
		memory[i] ^= 0x80;
	}
	assert_int_equal(read_all(), STATUS_OK);
}

static void memory_append(u32 domain, u64 base, u64 length, u32 flags)
{
	const struct acpi_srat_memory entry = {
		.entry = {ACPI_SRAT_MEMORY, sizeof(entry)},
		.domain = domain,
		.base = base,
		.length = length,
		.flags = flags,
	};

	srat_append(&entry, sizeof(entry));
}

static void test_nodes(void **state)
{
	(void)state;
	append(&(struct acpi_madt_x2apic){{9, 16}, 0, 300, ACPI_CPU_ENABLED, 2}, 16);
	assert_int_equal(acpi_read(HPA(RSDP_ADDRESS), map, &info), STATUS_OK);
	assert_int_equal(info.node_count, 0);
	srat_start();
	memory_append(7, 0, 0xa0000, ACPI_SRAT_ENABLED);
	memory_append(0x01000002, 0x100000000, 0x40000000, ACPI_SRAT_ENABLED);
	memory_append(9, 0x800000000, 0x40000000, 0); /* memory that is not enabled */
	srat_append(&(struct acpi_srat_lapic){{0, 16}, 2, 3, ACPI_SRAT_ENABLED, 0, {0, 0, 1}, 0},
		    16);
	srat_append(&(struct acpi_srat_x2apic){{2, 24}, 0, 7, 300, ACPI_SRAT_ENABLED, 0, 0}, 24);
	srat_append(&(struct acpi_srat_x2apic){{2, 24}, 0, 99, 3, 0, 0, 0}, 24);
	assert_int_equal(acpi_read(HPA(RSDP_ADDRESS), map, &info), STATUS_OK);
	assert_int_equal(info.node_count, 2);
	assert_int_equal(info.range_count, 2);
	assert_int_equal(info.range[0].node, 0);
	assert_int_equal(info.range[1].node, 1);
	assert_int_equal(info.range[1].base.value, 0x100000000);
	assert_int_equal(info.range[1].length, 0x40000000);
	assert_int_equal(info.cpu[0].node, 1);
	assert_int_equal(info.cpu[1].node, 0);
	/* more domains than there can be nodes share the first node */
	for (u32 i = 0; i < ACPI_NODE_MAX; i++)
		memory_append(100 + i, 0x1000000000 + i * 0x1000, 0x1000, ACPI_SRAT_ENABLED);
	assert_int_equal(acpi_read(HPA(RSDP_ADDRESS), map, &info), STATUS_OK);
	assert_int_equal(info.node_count, ACPI_NODE_MAX);
	assert_int_equal(info.range[info.range_count - 1].node, 0);
}

/* A bad SRAT is ignored: there is one node, and no CPU is lost. */
static void test_bad_srat(void **state)
{
	(void)state;
	srat_start();
	memory_append(7, 0, 0xa0000, ACPI_SRAT_ENABLED);
	srat_append(&(struct acpi_srat_lapic){{0, 16}, 2, 3, ACPI_SRAT_ENABLED, 0, {0, 0, 1}, 0},
		    16);
	srat_append(&(struct acpi_madt_entry){1, 40}, 2); /* longer than the table */
	assert_int_equal(acpi_read(HPA(RSDP_ADDRESS), map, &info), STATUS_OK);
	assert_int_equal(info.cpu_count, 1);
	assert_int_equal(info.node_count, 0);
	assert_int_equal(info.range_count, 0);
	assert_int_equal(info.cpu[0].node, 0);
	table_at(SRAT_AT)->length -= 2;
	/* the table has a bad checksum */
	assert_int_equal(acpi_read(HPA(RSDP_ADDRESS), map, &info), STATUS_OK);
	assert_int_equal(info.node_count, 0);
	seal(SRAT_AT);
	assert_int_equal(acpi_read(HPA(RSDP_ADDRESS), map, &info), STATUS_OK);
	assert_int_equal(info.node_count, 2);
	assert_int_equal(info.cpu[0].node, 1);
	table_at(SRAT_AT)->length = sizeof(struct acpi_header) + 4;
	seal(SRAT_AT);
	assert_int_equal(acpi_read(HPA(RSDP_ADDRESS), map, &info), STATUS_OK);
	assert_int_equal(info.node_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_one_cpu),
		TEST(test_all_entries),
		TEST(test_rsdt_when_there_is_no_xsdt),
		TEST(test_rsdt_when_the_xsdt_is_broken),
		TEST(test_bad_rsdp),
		TEST(test_no_rsdp),
		TEST(test_root_out_of_memory),
		TEST(test_bad_table_lengths),
		TEST(test_bad_madt_checksum),
		TEST(test_no_madt),
		TEST(test_bad_entries),
		TEST(test_short_entry_is_passed_over),
		TEST(test_more_entries_than_room),
		TEST(test_every_flipped_byte),
		TEST(test_nodes),
		TEST(test_bad_srat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
