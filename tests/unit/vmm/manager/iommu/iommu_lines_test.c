/* SPDX-License-Identifier: MIT */
/* Whether interrupts are remapped, and who tells units of the lines of I/O APICs. */
#include "tests/unit/vmm/manager/iommu/iommu_manager_fixture.h"

static void allow_remapping(void)
{
	((struct acpi_dmar *)(void *)bytes)->flags = ACPI_DMAR_REMAP;
}

/*
 * Interrupts are remapped where the firmware allows it and names each I/O APIC: an unnamed one
 * would be cut off.
 */
static void interrupts(void **state)
{
	(void)state;
	allow_remapping();
	put_unit(0xfed90000, 0, 8);
	put_scope(ACPI_DMAR_FUNCTION, 0, 1, (const u8[]){2, 0});
	put_unit(0xfed91000, ACPI_DMAR_ALL, 8);
	put_scope(ACPI_DMAR_IOAPIC, 0xf0, 1, (const u8[]){0x1f, 7});
	((struct acpi_dmar_scope *)(void *)(bytes + length - 8))->enumeration = 8;
	iommu_init();
	assert_true(iommu_remaps(0) && iommu_remaps(1));
	assert_int_equal(remapped[0], 11ull << 16 | 0xf0ff);
	assert_int_equal(attached[0xf0ff], 100);
	assert_int_equal(iommu_interrupts(&functions[0]), 10);
	assert_int_equal(iommu_interrupts(&functions[2]), 11);
	host_lines.ioapic_count = 2;
	host_lines.ioapic[1].id = 9;
	unit_count = 0;
	iommu_init();
	assert_false(iommu_remaps(0) || iommu_remaps(1));
	assert_int_equal(iommu_interrupts(&functions[0]), IOMMU_NOBODY);
}

static void interrupts_forbidden(void **state)
{
	(void)state;
	host_lines.ioapic_count = 0;
	put_unit(0xfed91000, ACPI_DMAR_ALL, 0);
	iommu_init();
	assert_false(iommu_remaps(0));
	allow_remapping();
	unit_count = 0;
	iommu_init();
	assert_true(iommu_remaps(0));
	assert_int_equal(remapped[0], 0);
}

static void amd_interrupts(void **state)
{
	const u8 entries[] = {ACPI_IVRS_SPECIAL, 0, 0, 0xd7, 8, 0xa0, 0, ACPI_IVRS_SPECIAL_IOAPIC};
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
	assert_true(iommu_remaps(0));
	assert_int_equal(remapped[0], 10ull << 16 | 0xa0);
	amd = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(interrupts, set_up),
		cmocka_unit_test_setup(interrupts_forbidden, set_up),
		cmocka_unit_test_setup(amd_interrupts, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
