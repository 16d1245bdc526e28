/* SPDX-License-Identifier: MIT */
/*
 * The manager's side of IOMMUs: which unit a function is behind and in whose name it makes
 * requests, regions that the firmware has reserved, and what comes of accesses that are refused.
 */
#include "tests/unit/vmm/manager/iommu/iommu_manager_fixture.h"

static void which_unit(void **state)
{
	(void)state;
	put_unit(0xfed90000, 0, 8);
	put_scope(ACPI_DMAR_FUNCTION, 0, 1, (const u8[]){2, 0});
	put_unit(0xfed91000, 0, 10);
	/* by way of a bridge */
	put_scope(ACPI_DMAR_BRIDGE, 0, 2, (const u8[]){0x1d, 0, 0, 0});
	put_unit(0xfedff000, ACPI_DMAR_ALL, 0); /* the kernel does not take this unit */
	iommu_init();
	assert_int_equal(created, 2);
	assert_int_equal(iommu_count(), 3);
	assert_true(iommu_is_used(1) && !iommu_is_used(2));
	assert_int_equal(functions[0].iommu, 1);
	assert_int_equal(functions[2].iommu, 0);
	assert_int_equal(functions[5].iommu, 2);
	assert_int_equal(functions[7].iommu, 2);
	functions[0].driver[0] = 'x';
	assert_string_equal(iommu_word(), "drivers are confined");
	functions[2].driver[0] = 'x';
	assert_string_equal(iommu_word(), "some drivers are trusted");
}

static void the_rest(void **state)
{
	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	put_unit(0xfed90000, 0, 8);
	put_scope(ACPI_DMAR_BRIDGE, 0, 1, (const u8[]){0x1c, 0});
	iommu_init();
	assert_int_equal(functions[0].iommu, 1);
	assert_int_equal(functions[2].iommu, 2);
	assert_int_equal(functions[5].iommu, 1);
}

static void in_whose_name(void **state)
{
	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	iommu_init();
	assert_int_equal(functions[0].requester, 2 << 3);
	assert_int_equal(functions[2].requester, 1 << 8);
	assert_int_equal(functions[5].requester, 3 << 8);
	/* the bridge that is nearer to the root speaks */
	assert_int_equal(functions[7].requester, 3 << 8);
	express[4] = 0;
	iommu_find_units(&table);
	assert_int_equal(functions[5].requester, 2 << 8);
	express[4] = UPSTREAM + 1;
	iommu_find_units(&table);
	assert_int_equal(functions[5].requester, 3 << 8 | 1 << 3);
	assert_int_equal(functions[7].requester, 3 << 8 | 2 << 3);
}

static void amd_ranges(void **state)
{
	/* clang-format off */
	const u8 entries[] = {
		ACPI_IVRS_FIRST, 0x10, 0, 0,	       ACPI_IVRS_LAST, 0xff, 0x01, 0,
		ACPI_IVRS_ALIAS_ONE, 8, 3, 0,	       0, 0x01, 3, 0,
		ACPI_IVRS_LAST, 0xff, 0x04, 0, /* the end of a range that has not begun */
	};
	/* clang-format on */
	const struct acpi_ivrs_unit entry = {
		.block = {ACPI_IVRS_UNIT, 0, (u16)(sizeof(entry) + sizeof(entries)), 2},
		.registers = 0xfeb80000,
	};

	(void)state;
	amd = true;
	length = sizeof(struct acpi_ivrs);
	append(&entry, sizeof(entry));
	append(entries, sizeof(entries));
	iommu_init();
	assert_int_equal(table.left_out, 1);
	assert_string_equal(iommu_kind_name(0), "AMD-Vi");
	assert_int_equal(functions[0].iommu, 1);
	assert_int_equal(functions[2].iommu, 1);
	assert_int_equal(functions[5].iommu, 1);
	assert_int_equal(functions[5].requester, 0x301);
	assert_int_equal(functions[7].iommu, 0);
	amd = false;
}

static void put_region(u64 base, u64 last, u8 bus, u8 device)
{
	const struct acpi_dmar_reserved region = {
		.entry = {ACPI_DMAR_RESERVED, sizeof(region) + 8}, .base = base, .last = last};

	append(&region, sizeof(region));
	put_scope(ACPI_DMAR_FUNCTION, bus, 1, (const u8[]){device, 0});
}

/* A reserved range is given page by page, until a driver takes the function; RAM is not given. */
static void reserved(void **state)
{
	handle_t space;

	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	put_region(0x8b800000, 0x8b802fff, 0, 2);
	put_region(0x8c000000, 0x8c000fff, 0, 2);
	put_region(0x1000, 0x1fff, 1, 0);
	iommu_init();
	assert_int_equal(populated_count, 4);
	assert_int_equal(populated[0], 0x8b800000);
	assert_int_equal(populated[2], 0x8b802000);
	assert_int_equal(populated[3], 0x8c000000);
	assert_int_equal(attached[2 << 3], 100);
	assert_int_equal(functions[0].reaches, IOMMU_RESERVED);
	assert_int_equal(attached[1 << 8], 0);
	assert_int_equal(functions[2].reaches, IOMMU_NOTHING);
	assert_int_equal(iommu_space(&functions[0], 3, &space), STATUS_OK);
	assert_int_equal(iommu_attach(&functions[0], space), STATUS_OK);
	assert_int_equal(functions[0].reaches, IOMMU_WINDOWS);
	assert_int_equal(attached[2 << 3], space);
	assert_int_equal(iommu_attach(&functions[0], HANDLE_NONE), STATUS_OK);
	assert_int_equal(functions[0].reaches, IOMMU_NOTHING);
}

static void refuse(u16 requester, u32 times)
{
	for (fault_count = 0; fault_count < times;)
		faults[fault_count++] = requester;
	iommu_signalled(0);
}

/* 16 in a driver's life; of those that nobody knows not more than STRAY_MAX. */
static void cut_off_in_time(void **state)
{
	(void)state;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	iommu_init();
	assert_int_equal(iommu_attach(&functions[2], 100), STATUS_OK);
	refuse(1 << 8, 15);
	assert_false(functions[2].cut_off);
	assert_int_equal(masters_off, 0);
	refuse(1 << 8, 3);
	assert_true(functions[2].cut_off && functions[2].lost);
	assert_int_equal(masters_off, 1);
	assert_int_equal(functions[2].faults, 16);
	for (u32 i = 0; i < 10; i++)
		refuse(0xee00, 60);
	assert_int_not_equal(fault_count, 0);
	assert_int_equal(units[0].stray, STRAY_MAX);
	/* a driver that starts finds the unit at work */
	assert_int_equal(iommu_attach(&functions[2], 100), STATUS_OK);
	assert_false(functions[2].cut_off);
	refuse(1 << 8, 1);
	assert_int_equal(fault_count, 0);
	assert_int_equal(functions[2].faults_now, 1);
	assert_int_equal(functions[2].faults, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(which_unit, set_up),
		cmocka_unit_test_setup(the_rest, set_up),
		cmocka_unit_test_setup(in_whose_name, set_up),
		cmocka_unit_test_setup(amd_ranges, set_up),
		cmocka_unit_test_setup(reserved, set_up),
		cmocka_unit_test_setup(cut_off_in_time, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
