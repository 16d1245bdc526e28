/* SPDX-License-Identifier: MIT */
/*
 * What the manager reads from the MADT: which interrupt lines there are, and which pins they have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/manager/host/host_lines.c"

static u8 madt[256];
static u32 length;
static struct host_lines lines;

static int set_up(void **state)
{
	(void)state;
	memset(madt, 0, sizeof(madt));
	length = sizeof(struct acpi_madt);
	return 0;
}

static void append(const void *bytes, u32 count)
{
	memcpy(madt + length, bytes, count);
	length += count;
}

static void none(void **state)
{
	(void)state;
	host_lines_parse(NULL, 0, &lines);
	assert_int_equal(lines.ioapic_count, 0);
	for (u32 i = 0; i < HOST_ISA_LINES; i++)
		assert_true(lines.isa[i].gsi == i && lines.isa[i].flags == 0);
}

static void entries(void **state)
{
	(void)state;
	append(&(struct acpi_madt_ioapic){{1, 12}, 5, 0, 0xfec10000, 24}, 12);
	append(&(struct acpi_madt_ioapic){{1, 12}, 7, 0, 0xfec00000, 0}, 12);
	append(&(struct acpi_madt_override){{2, 10}, 0, 0, 2, 0}, 10);
	append(&(struct acpi_madt_override){{2, 10}, 0, 9, 20, 0xf}, 10);
	/* there is no such line */
	append(&(struct acpi_madt_override){{2, 10}, 0, 99, 21, 0xf}, 10);
	/* there is no such bus */
	append(&(struct acpi_madt_override){{2, 10}, 1, 5, 22, 0}, 10);
	append("\x7f\x05\x01\x02\x03", 5); /* an unknown type */
	/* the entry is too short */
	append(&(struct acpi_madt_override){{2, 9}, 0, 4, 30, 0}, 9);
	host_lines_parse(madt, length, &lines);
	assert_int_equal(lines.ioapic_count, 2);
	assert_true(lines.ioapic[0].id == 7 && lines.ioapic[0].gsi_base == 0);
	assert_true(lines.ioapic[1].id == 5 && lines.ioapic[1].gsi_base == 24);
	assert_true(lines.isa[0].gsi == 2 && lines.isa[0].flags == 0);
	assert_int_equal(lines.isa[9].gsi, 20);
	assert_int_equal(lines.isa[9].flags, IRQ_LEVEL | IRQ_ACTIVE_LOW);
	assert_true(lines.isa[4].gsi == 4 && lines.isa[5].gsi == 5);
}

/* Wherever a table is cut off, and whatever a length says, nothing is read beyond it. */
static void cut_off(void **state)
{
	(void)state;
	for (u32 i = 0; i < 10; i++)
		append(&(struct acpi_madt_ioapic){{1, 12}, 5, 0, 0xfec00000, 24}, 12);
	for (u32 bytes = 0; bytes <= length; bytes++) {
		host_lines_parse(madt, bytes, &lines);
		assert_true(lines.ioapic_count <= HOST_IOAPICS_MAX);
	}
	madt[sizeof(struct acpi_madt) + 1] = 0;
	host_lines_parse(madt, length, &lines);
	assert_int_equal(lines.ioapic_count, 0);
	madt[sizeof(struct acpi_madt) + 1] = 255;
	host_lines_parse(madt, length, &lines);
	assert_int_equal(lines.ioapic_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {TEST(none), TEST(entries), TEST(cut_off)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
