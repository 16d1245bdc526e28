/* SPDX-License-Identifier: MIT */
/*
 * What the manager reads from the FADT and the DSDT: good tables give the port and value for
 * power-off, broken ones a sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/manager/host/host_acpi.c"
#include "vmm/manager/host/host_rtc.c"
#include "vmm/rt/date.h"

/* Physical memory: it holds the tables, and nothing else can be read. */
#define BASE	0x7fe0000ull
#define ROOT_AT 0x000u
#define FADT_AT 0x200u
#define DSDT_AT 0x400u
#define SSDT_AT 0x600u

static u8 memory[0x800];
static u8 *last_copy; /* freed at the next read, as the manager's window is */
static struct acpi_rsdp rsdp;

static const u8 *read_memory(void *context, u64 hpa, u64 bytes)
{
	(void)context;
	free(last_copy);
	last_copy = NULL;
	if (hpa < BASE || hpa - BASE > sizeof(memory) || bytes > sizeof(memory) - (hpa - BASE))
		return NULL;
	last_copy = malloc(bytes == 0 ? 1 : bytes);
	memcpy(last_copy, memory + (hpa - BASE), bytes);
	return last_copy;
}

static u8 sum(const void *bytes, size_t count)
{
	u8 result = 0;

	for (size_t i = 0; i < count; i++)
		result = (u8)(result + ((const u8 *)bytes)[i]);
	return result;
}

static void finish(u32 at, const char *signature, u32 length)
{
	struct acpi_header *header = (struct acpi_header *)(memory + at);

	memcpy(header->signature, signature, 4);
	header->length = length;
	header->checksum = 0;
	header->checksum = (u8)-sum(header, length);
}

static void set_aml(u32 at, const char *signature, const u8 *aml, u32 count)
{
	memset(memory + at, 0, 0x200);
	memcpy(memory + at + sizeof(struct acpi_header), aml, count);
	finish(at, signature, (u32)sizeof(struct acpi_header) + count);
}

static const u8 s5[] = {0x10, 0x00, AML_NAME, '_',  'S',      '5',  '_',  AML_PACKAGE,
			0x08, 0x04, AML_BYTE, 0x05, AML_BYTE, 0x07, 0x00, 0x00};

static void finish_fadt(void)
{
	finish(FADT_AT, "FACP", 244);
}

static struct acpi_fadt *fadt(void)
{
	return (struct acpi_fadt *)(memory + FADT_AT);
}

static void set_rsdp(bool extended)
{
	memset(&rsdp, 0, sizeof(rsdp));
	memcpy(rsdp.signature, ACPI_RSDP_SIGNATURE, 8);
	rsdp.revision = extended ? 2 : 0;
	rsdp.length = sizeof(rsdp);
	if (extended)
		rsdp.xsdt_address = BASE + ROOT_AT;
	else
		rsdp.rsdt_address = BASE + ROOT_AT;
	rsdp.checksum = (u8)-sum(&rsdp, ACPI_RSDP_V1_BYTES);
	rsdp.extended_checksum = (u8)-sum(&rsdp, sizeof(rsdp));
}

/* Tables as firmware makes them, with an XSDT or an RSDT. */
static void make(bool extended)
{
	u64 pointers[2] = {BASE + SSDT_AT, BASE + FADT_AT};
	u32 narrow[2] = {(u32)(BASE + SSDT_AT), (u32)(BASE + FADT_AT)};

	memset(memory, 0, sizeof(memory));
	if (extended)
		memcpy(memory + ROOT_AT + sizeof(struct acpi_header), pointers, sizeof(pointers));
	else
		memcpy(memory + ROOT_AT + sizeof(struct acpi_header), narrow, sizeof(narrow));
	finish(ROOT_AT, extended ? "XSDT" : "RSDT",
	       (u32)(sizeof(struct acpi_header) + (extended ? sizeof(pointers) : sizeof(narrow))));
	/* clang-format off */
	*fadt() = (struct acpi_fadt){
		.dsdt = (u32)(BASE + DSDT_AT), .pm1a_cnt_blk = 0x604, .smi_cmd = 0xb2,
		.acpi_enable = 0xf1, .flags = ACPI_FADT_RESET_REG_SUP,
		.reset_reg = {.space = ACPI_SPACE_IO, .address = 0xcf9}, .reset_value = 0x0f,
		.century = 0x32};
	/* clang-format on */
	finish_fadt();
	set_aml(DSDT_AT, "DSDT", s5, sizeof(s5));
	set_aml(SSDT_AT, "SSDT", (const u8 *)"nothing", 7);
	set_rsdp(extended);
}

static struct host_power parse(void)
{
	struct host_power power;

	host_acpi_parse((const u8 *)&rsdp, read_memory, NULL, &power);
	free(last_copy);
	last_copy = NULL;
	return power;
}

static void test_good(void **state)
{
	struct host_power power;

	(void)state;
	for (int extended = 0; extended < 2; extended++) {
		make(extended != 0);
		power = parse();
		assert_null(power.problem);
		assert_int_equal(power.pm1a_control, 0x604);
		assert_int_equal(power.pm1b_control, 0);
		assert_int_equal(power.sleep_type_a, 5);
		assert_int_equal(power.sleep_type_b, 7);
		assert_int_equal(power.smi_command, 0xb2);
		assert_int_equal(power.acpi_enable, 0xf1);
		assert_int_equal(power.reset_port, 0xcf9);
		assert_int_equal(power.reset_value, 0x0f);
		assert_int_equal(power.century, 0x32);
	}
}

static void test_s5_forms(void **state)
{
	static const struct {
		u8 aml[20];
		u32 count;
		u8 a;
		u8 b;
	} good[] = {
		{{0, 0, AML_NAME, '_', 'S', '5', '_', AML_PACKAGE, 6, 4, 0, 1, 0, 0}, 14, 0, 1},
		{{0, 0, AML_NAME, AML_ROOT, '_', 'S', '5', '_', AML_PACKAGE, 6, 2, AML_WORD, 6, 0,
		  0},
		 15,
		 6,
		 0},
		{{0, 0, AML_NAME, '_', 'S', '5', '_', AML_PACKAGE, 0x48, 0, 1, AML_DWORD, 3, 0, 0,
		  0},
		 16,
		 3,
		 0},
		/* the bare name comes first: a reference, not the definition */
		{{0, 0, 'x', '_', 'S', '5', '_', AML_NAME, '_', 'S', '5', '_', AML_PACKAGE, 4, 1,
		  1},
		 16,
		 1,
		 0},
	};
	struct host_power power;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(good); i++) {
		make(true);
		set_aml(DSDT_AT, "DSDT", good[i].aml, good[i].count);
		power = parse();
		assert_null(power.problem);
		assert_int_equal(power.sleep_type_a, good[i].a);
		assert_int_equal(power.sleep_type_b, good[i].b);
	}
	/* \_S5 is only in an SSDT. */
	make(true);
	set_aml(DSDT_AT, "DSDT", (const u8 *)"none", 4);
	assert_string_equal(parse().problem, "the ACPI tables do not describe \\_S5");
	set_aml(SSDT_AT, "SSDT", s5, sizeof(s5));
	assert_null(parse().problem);
}

/* A package cut anywhere is refused, and no byte past the table is read. */
static void test_s5_truncated(void **state)
{
	(void)state;
	for (u32 count = 0; count < 14; count++) {
		make(true);
		set_aml(DSDT_AT, "DSDT", s5, count);
		assert_non_null(parse().problem);
	}
}

static void test_broken(void **state)
{
	(void)state;
	make(true);
	rsdp.signature[0] = 'X';
	assert_string_equal(parse().problem, "the firmware has no ACPI tables");
	make(true);
	rsdp.checksum++;
	assert_string_equal(parse().problem, "the firmware has no ACPI tables");
	make(true);
	memory[ROOT_AT + 40]++;
	assert_string_equal(parse().problem, "the firmware has no ACPI tables");
	make(true);
	memory[FADT_AT + 50]++;
	assert_string_equal(parse().problem, "the firmware's ACPI tables have no FADT");
	make(true);
	finish(FADT_AT, "FACP", 100);
	assert_string_equal(parse().problem, "the firmware's ACPI tables have no FADT");
	make(true);
	fadt()->header.length = 0xffffffff;
	assert_string_equal(parse().problem, "the firmware's ACPI tables have no FADT");
	make(true);
	fadt()->header.length = 20;
	assert_string_equal(parse().problem, "the firmware's ACPI tables have no FADT");
	make(true);
	fadt()->dsdt = 0x1000;
	finish_fadt();
	assert_string_equal(parse().problem, "the ACPI tables do not describe \\_S5");
	make(true);
	fadt()->pm1a_cnt_blk = 0;
	finish_fadt();
	assert_string_equal(parse().problem, "the ACPI tables name no PM1a control port");
	memset(&rsdp, 0, sizeof(rsdp));
	assert_string_equal(parse().problem, "the firmware has no ACPI tables");
}

static void test_addresses(void **state)
{
	(void)state;
	make(true);
	fadt()->pm1a_cnt_blk = 0;
	fadt()->x_pm1a_cnt_blk = (struct acpi_address){.space = ACPI_SPACE_IO, .address = 0x404};
	fadt()->reset_reg.space = ACPI_SPACE_MEMORY;
	finish_fadt();
	assert_int_equal(parse().pm1a_control, 0x404);
	assert_int_equal(parse().reset_port, 0);
	fadt()->x_pm1a_cnt_blk.address = 0x10000;
	finish_fadt();
	assert_int_equal(parse().pm1a_control, 0);
	/* X_DSDT takes precedence; an FADT of ACPI 1.0 has none. */
	make(true);
	fadt()->x_dsdt = BASE + DSDT_AT;
	fadt()->dsdt = 0;
	finish_fadt();
	assert_null(parse().problem);
	make(false);
	finish(FADT_AT, "FACP", 116);
	assert_null(parse().problem);
	assert_int_equal(parse().reset_port, 0);
}

static u32 find_ecam(struct host_ecam *ecam, u32 room)
{
	u32 count = host_acpi_ecam((const u8 *)&rsdp, read_memory, NULL, ecam, room);

	free(last_copy);
	last_copy = NULL;
	return count;
}

/* The MCFG's entries that can be true: aligned, in order, each bus once, whole. */
static void test_ecam(void **state)
{
	static const struct acpi_mcfg_entry entries[] = {
		{0xb0000000, 0, 0, 0x7f, 0},	    {0x4000000000, 1, 0x80, 0xff, 0},
		{0xb0080000, 0, 0x80, 0x90, 0},	    {0, 0, 0x80, 0x90, 0},
		{0xc0000000, 0, 0x90, 0x80, 0},	    {0xc0000000, 0, 0x7f, 0x90, 0},
		{0xfffffffffff00000, 2, 0, 255, 0}, {0xd0000000, 0, 0x80, 0x80, 0},
	};
	struct host_ecam ecam[8];

	(void)state;
	make(true);
	assert_int_equal(find_ecam(ecam, 8), 0);
	memcpy(memory + SSDT_AT + sizeof(struct acpi_mcfg), entries, sizeof(entries));
	finish(SSDT_AT, "MCFG", (u32)(sizeof(struct acpi_mcfg) + sizeof(entries)));
	assert_int_equal(find_ecam(ecam, 8), 3);
	assert_int_equal(ecam[0].base, 0xb0000000);
	assert_int_equal(ecam[0].last_bus, 0x7f);
	assert_int_equal(ecam[1].segment, 1);
	assert_int_equal(ecam[1].base, 0x4000000000);
	assert_int_equal(ecam[2].first_bus, 0x80);
	assert_int_equal(find_ecam(ecam, 2), 2);
	/* the length has one entry and a half */
	finish(SSDT_AT, "MCFG", (u32)sizeof(struct acpi_mcfg) + 31);
	assert_int_equal(find_ecam(ecam, 8), 1);
	finish(SSDT_AT, "MCFG", (u32)sizeof(struct acpi_header));
	assert_int_equal(find_ecam(ecam, 8), 0);
	memory[SSDT_AT + 9]++; /* the table's checksum is wrong */
	assert_int_equal(find_ecam(ecam, 8), 0);
}

static void test_rtc(void **state)
{
	/* clang-format off */
	struct host_rtc rtc = {.second = 0x56, .minute = 0x34, .hour = 0x12, .day = 0x29,
			       .month = 0x02, .year = 0x24, .century = 0x20, .status_b = 0x02};
	/* clang-format on */
	u64 seconds;

	(void)state;
	assert_true(host_rtc_to_unix(&rtc, &seconds));
	assert_int_equal(seconds, 1709210096); /* 2024-02-29 12:34:56 UTC */
	rtc.century = 0;
	assert_true(host_rtc_to_unix(&rtc, &seconds));
	assert_int_equal(seconds, 1709210096);
	rtc = (struct host_rtc){.day = 1, .month = 1, .year = 70, .century = 19, .status_b = 0x06};
	assert_false(host_rtc_to_unix(&rtc, &seconds));
	/* clang-format off */
	rtc = (struct host_rtc){.second = 59, .minute = 59, .hour = 23, .day = 31, .month = 12,
				.year = 99, .century = 20, .status_b = 0x06};
	/* clang-format on */
	assert_true(host_rtc_to_unix(&rtc, &seconds));
	assert_int_equal(seconds, 4102444799); /* 2099-12-31 23:59:59 UTC */
	/* 12-hour mode: 12 am is midnight, 12 pm noon. */
	rtc = (struct host_rtc){.hour = 0x12, .day = 1, .month = 1, .year = 0, .status_b = 0};
	assert_true(host_rtc_to_unix(&rtc, &seconds));
	assert_int_equal(seconds, 946684800);
	rtc.hour = 0x92;
	assert_true(host_rtc_to_unix(&rtc, &seconds));
	assert_int_equal(seconds, 946684800 + 12 * 3600);
	rtc.hour = 0x81;
	assert_true(host_rtc_to_unix(&rtc, &seconds));
	assert_int_equal(seconds, 946684800 + 13 * 3600);
	rtc.month = 0x13;
	assert_false(host_rtc_to_unix(&rtc, &seconds));
	memset(&rtc, 0xff, sizeof(rtc));
	assert_false(host_rtc_to_unix(&rtc, &seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	     cmocka_unit_test(test_s5_forms),
		cmocka_unit_test(test_s5_truncated), cmocka_unit_test(test_broken),
		cmocka_unit_test(test_addresses),    cmocka_unit_test(test_rtc),
		cmocka_unit_test(test_ecam),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
