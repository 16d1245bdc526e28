/* SPDX-License-Identifier: MIT */
/*
 * The guest's ACPI tables: a scan finds them, their checksums are right, and Intel's own compiler
 * accepts them: each disassembles and compiles again without an error, a warning or a remark.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/load/acpi_tables.c"
#include "vmm/monitor/load/acpi_pci.h"
#include "vmm/monitor/load/aml.h"
#include "vmm/monitor/load/wdat.h"
#include "vmm/rt/format.h"

static u8 *ram;

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

static void write_tables(u32 vcpu_count, bool hpet)
{
	acpi_tables_write(ram, &(struct acpi_machine){.vcpu_count = vcpu_count, .hpet = hpet});
}

static u8 sum(const u8 *bytes, u64 length)
{
	u8 total = 0;

	while (length-- > 0)
		total = (u8)(total + *bytes++);
	return total;
}

/* Scans as an operating system does: 16-byte boundaries from 0xe0000 to 0xfffff. */
static const struct acpi_rsdp *find_rsdp(void)
{
	for (u64 at = 0xe0000; at < 0x100000; at += 16) {
		if (memcmp(ram + at, "RSD PTR ", 8) == 0 && sum(ram + at, 20) == 0)
			return (const struct acpi_rsdp *)(ram + at);
	}
	return NULL;
}

static const struct acpi_header *table_at(u64 address)
{
	const struct acpi_header *table = (const struct acpi_header *)(ram + address);

	assert_in_range(address, LAYOUT_ACPI, LAYOUT_RSDP - sizeof(*table));
	assert_in_range(table->length, sizeof(*table), LAYOUT_RSDP - address);
	return table;
}

static const struct acpi_header *find_table(const char *signature)
{
	const struct acpi_rsdp *rsdp = find_rsdp();
	const struct acpi_header *xsdt = table_at(rsdp->xsdt_address);

	for (u32 at = sizeof(*xsdt); at < xsdt->length; at += 8) {
		u64 address;

		memcpy(&address, (const u8 *)xsdt + at, sizeof(address));
		if (memcmp(ram + address, signature, 4) == 0)
			return table_at(address);
	}
	return NULL;
}

static void test_roots(void **state)
{
	const struct acpi_rsdp *rsdp;
	const struct acpi_header *rsdt;
	const struct acpi_header *xsdt;

	(void)state;
	write_tables(1, false);
	rsdp = find_rsdp();
	assert_non_null(rsdp);
	assert_int_equal(sum((const u8 *)rsdp, rsdp->length), 0);
	rsdt = table_at(rsdp->rsdt_address);
	xsdt = table_at(rsdp->xsdt_address);
	assert_memory_equal(rsdt->signature, "RSDT", 4);
	assert_memory_equal(xsdt->signature, "XSDT", 4);
	assert_int_equal((rsdt->length - sizeof(*rsdt)) / 4, (xsdt->length - sizeof(*xsdt)) / 8);
	for (u32 i = 0; i < 2; i++) {
		u32 narrow;
		u64 wide;

		memcpy(&narrow, (const u8 *)rsdt + sizeof(*rsdt) + i * 4, 4);
		memcpy(&wide, (const u8 *)xsdt + sizeof(*xsdt) + i * 8, 8);
		assert_int_equal(narrow, wide);
		assert_int_equal(sum(ram + wide, table_at(wide)->length), 0);
	}
	assert_int_equal(sum((const u8 *)rsdt, rsdt->length), 0);
	assert_int_equal(sum((const u8 *)xsdt, xsdt->length), 0);
}

static void test_fadt(void **state)
{
	const struct acpi_fadt *fadt;

	(void)state;
	write_tables(1, false);
	fadt = (const struct acpi_fadt *)find_table("FACP");
	assert_non_null(fadt);
	assert_int_equal(fadt->pm1a_evt_blk, 0x600);
	assert_int_equal(fadt->pm1a_cnt_blk, 0x604);
	assert_int_equal(fadt->pm_tmr_blk, 0x608);
	assert_int_equal(fadt->sci_int, 9);
	assert_int_equal(fadt->flags & ACPI_FADT_HW_REDUCED, 0);
	assert_int_equal(fadt->flags & ACPI_FADT_PWR_BUTTON, 0);
	assert_int_equal(fadt->flags & ACPI_FADT_FIX_RTC, 0);
	assert_int_equal(fadt->reset_reg.address, 0xcf9);
	assert_int_equal(fadt->reset_value, 6);
	assert_int_equal(fadt->firmware_ctrl % 64, 0);
	assert_memory_equal(ram + fadt->firmware_ctrl, "FACS", 4);
	assert_int_equal(fadt->dsdt, fadt->x_dsdt);
	assert_memory_equal(table_at(fadt->dsdt)->signature, "DSDT", 4);
	assert_int_equal(sum(ram + fadt->dsdt, table_at(fadt->dsdt)->length), 0);
	/* some kernels find the table by these bytes */
	assert_memory_equal(ram + fadt->dsdt + table_at(fadt->dsdt)->length - 12,
			    "_S5_\x12\x07\x04\x0a\x05\0\0\0", 12);
}

static u32 madt_count(const struct acpi_header *madt, u8 type)
{
	const u8 *at = (const u8 *)madt + sizeof(struct acpi_madt);
	u32 count = 0;

	while (at < (const u8 *)madt + madt->length) {
		assert_true(at[1] >= 2);
		count += at[0] == type;
		at += at[1];
	}
	assert_ptr_equal(at, (const u8 *)madt + madt->length);
	return count;
}

static void test_madt(void **state)
{
	static const u32 vcpus[] = {1, 2, 64, 255};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(vcpus); i++) {
		write_tables(vcpus[i], false);
		assert_int_equal(madt_count(find_table("APIC"), ACPI_MADT_LAPIC), vcpus[i]);
		assert_int_equal(madt_count(find_table("APIC"), ACPI_MADT_IOAPIC), 1);
		assert_int_equal(madt_count(find_table("APIC"), ACPI_MADT_OVERRIDE), 2);
		assert_int_equal(madt_count(find_table("APIC"), ACPI_MADT_LAPIC_NMI), 1);
	}
}

static void test_hpet(void **state)
{
	const struct acpi_hpet *hpet;

	(void)state;
	write_tables(1, true);
	hpet = (const struct acpi_hpet *)find_table("HPET");
	assert_int_equal(hpet->header.length, 56);
	assert_int_equal(hpet->block_id, 0x8086a201);
	assert_int_equal(hpet->address.space, ACPI_SPACE_MEMORY);
	assert_int_equal(hpet->address.address, 0xfed00000);
	assert_int_equal(hpet->minimum_tick, 5000);
	write_tables(1, false);
	assert_null(find_table("HPET"));
}

static void test_wdat(void **state)
{
	const struct wdat *wdat;

	(void)state;
	write_tables(1, false);
	wdat = (const struct wdat *)find_table("WDAT");
	assert_non_null(wdat);
	assert_int_equal(wdat->header.length, 68 + wdat->entry_count * 24);
	assert_int_equal(wdat->watchdog_header_length, 32);
	assert_int_equal(wdat->flags, WDAT_ENABLED);
	for (u32 i = 0; i < wdat->entry_count; i++) {
		const struct acpi_address *address = &wdat->entry[i].address;

		assert_int_equal(address->space, ACPI_SPACE_IO);
		assert_in_range(address->address, 0x630, 0x635);
		assert_int_equal(address->bit_width, 8 * address->access_size);
	}
}

/* A second boot finds the same tables, whatever the first one left in the memory. */
/* Only a machine with PCI has an MCFG, and a host bridge. */
static void test_mcfg(void **state)
{
	struct acpi_machine machine = {.vcpu_count = 1, .pci = true};
	const struct mcfg *mcfg;
	u32 length;

	(void)state;
	write_tables(1, false);
	assert_null(find_table("MCFG"));
	length = table_at(((const struct acpi_fadt *)find_table("FACP"))->dsdt)->length;
	acpi_tables_write(ram, &machine);
	mcfg = (const struct mcfg *)find_table("MCFG");
	assert_non_null(mcfg);
	assert_true(mcfg->base == LAYOUT_ECAM);
	assert_int_equal(mcfg->segment + mcfg->bus_first + mcfg->bus_last, 0);
	assert_true(table_at(((const struct acpi_fadt *)find_table("FACP"))->dsdt)->length >
		    length);
}

/* The 64-bit window lies behind the RAM, or there is none. */
static void test_high_window(void **state)
{
	(void)state;
	assert_true(layout_pci_high(128 * MIB, 36) == 4 * GIB);
	assert_true(layout_pci_high(3 * GIB, 36) == 4 * GIB);
	assert_true(layout_pci_high(3 * GIB + 1, 36) == 8 * GIB);
	assert_true(layout_pci_high(7 * GIB, 36) == 8 * GIB);
	assert_true(layout_pci_high(59 * GIB, 36) == 60 * GIB);
	assert_true(layout_pci_high(60 * GIB, 36) == 0);
	assert_true(layout_pci_high(1024 * GIB, 40) == 0);
}

static void test_rewrite(void **state)
{
	u8 *first = malloc(128 * KIB);

	(void)state;
	write_tables(3, false);
	memcpy(first, ram + LAYOUT_ACPI, 128 * KIB);
	memset(ram + LAYOUT_ACPI, 0xa5, LAYOUT_RSDP + PAGE_SIZE - LAYOUT_ACPI);
	write_tables(3, false);
	assert_memory_equal(first, ram + LAYOUT_ACPI, LAYOUT_RSDP + PAGE_SIZE - LAYOUT_ACPI);
	free(first);
}

/* Finds a text in the DSDT, which the guest finds by its name; NULL: it is not there. */
static const u8 *find_in_dsdt(const char *text, u32 bytes)
{
	const struct acpi_fadt *fadt = (const struct acpi_fadt *)find_table("FACP");
	const struct acpi_header *dsdt = table_at(fadt->dsdt);

	for (u32 at = 0; at + bytes <= dsdt->length; at++)
		if (memcmp((const u8 *)dsdt + at, text, bytes) == 0)
			return (const u8 *)dsdt + at;
	return NULL;
}

static void test_generation(void **state)
{
	static const u8 address[] = {'A', 'D', 'D', 'R', 0x12, 8, 2, 0x0c, 0, 0x40, 0x0f, 0, 0};
	static const u8 method[] = {0x14, 0x13, '_', 'E', '0', '0', 0,	 0x86, '\\', 0x2e,
				    '_',  'S',	'B', '_', 'V', 'G', 'E', 'N',  0x0a, 0x80};
	const u8 *found;

	(void)state;
	write_tables(1, false);
	assert_null(find_in_dsdt("VM_Gen_Counter", 15));
	assert_null(find_in_dsdt("_GPE", 4));
	memset(ram + LAYOUT_GENERATION, 0x5a, 16);
	acpi_tables_write(ram, &(struct acpi_machine){.vcpu_count = 1, .pci = true});
	assert_non_null(find_in_dsdt("VM_Gen_Counter", 15));
	found = find_in_dsdt("ADDR", 4);
	assert_non_null(found);
	assert_memory_equal(found, address, sizeof(address));
	assert_int_equal(LAYOUT_GENERATION, 0xf4000);
	assert_int_equal(LAYOUT_GENERATION % PAGE_SIZE, 0);
	assert_non_null(find_in_dsdt((const char *)method, sizeof(method)));
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(ram[LAYOUT_GENERATION + i], 0x5a);
}

static void save_table(const char *folder, const char *name, const void *bytes, u32 length)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.aml", folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void check_with_iasl(const char *folder, const char *name)
{
	char command[1024];
	int code;

	snprintf(command, sizeof(command),
		 "cd %s && iasl -d %s.aml >%s.log 2>&1 && mv %s.aml %s.first && "
		 "iasl -vr %s.dsl >%s.out 2>&1 && "
		 "! grep -Eiq '(warning|error|remark)[^s]' %s.log && "
		 "grep -q ' 0 Errors, 0 Warnings, 0 Remarks' %s.out",
		 folder, name, name, name, name, name, name, name, name);
	code = system(command);
	if (code != 0) {
		snprintf(command, sizeof(command), "cat %s/%s.log %s/%s.out", folder, name, folder,
			 name);
		(void)!system(command);
	}
	assert_int_equal(code, 0);
}

static void check_all(u32 vcpu_count)
{
	static const char *const signatures[] = {"FACP", "APIC", "WDAT", "HPET", "MCFG"};
	const struct acpi_machine machine = {
		.vcpu_count = vcpu_count,
		.hpet = true,
		.pci = true,
		.pci_high_base = 4 * GIB,
	};
	char folder[] = "/tmp/acpi_tables_XXXXXX";
	char command[64];
	const struct acpi_fadt *fadt;

	assert_int_equal(system("command -v iasl >/dev/null"), 0);
	assert_non_null(mkdtemp(folder));
	acpi_tables_write(ram, &machine);
	for (size_t i = 0; i < ARRAY_COUNT(signatures); i++)
		save_table(folder, signatures[i], find_table(signatures[i]),
			   find_table(signatures[i])->length);
	fadt = (const struct acpi_fadt *)find_table("FACP");
	save_table(folder, "DSDT", ram + fadt->dsdt, table_at(fadt->dsdt)->length);
	save_table(folder, "FACS", ram + fadt->firmware_ctrl, 64);
	save_table(folder, "RSDT", ram + find_rsdp()->rsdt_address,
		   table_at(find_rsdp()->rsdt_address)->length);
	save_table(folder, "XSDT", ram + find_rsdp()->xsdt_address,
		   table_at(find_rsdp()->xsdt_address)->length);
	for (size_t i = 0; i < ARRAY_COUNT(signatures); i++)
		check_with_iasl(folder, signatures[i]);
	check_with_iasl(folder, "DSDT");
	check_with_iasl(folder, "FACS");
	check_with_iasl(folder, "RSDT");
	check_with_iasl(folder, "XSDT");
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void test_iasl(void **state)
{
	(void)state;
	check_all(1);
	check_all(200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),	    cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_madt),	    cmocka_unit_test(test_hpet),
		cmocka_unit_test(test_wdat),	    cmocka_unit_test(test_mcfg),
		cmocka_unit_test(test_high_window), cmocka_unit_test(test_generation),
		cmocka_unit_test(test_rewrite),	    cmocka_unit_test(test_iasl),
	};

	return cmocka_run_group_tests(tests, make_ram, free_ram);
}
