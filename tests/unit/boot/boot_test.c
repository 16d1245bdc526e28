/* SPDX-License-Identifier: MIT */
/* boot/: data from both loaders, well-formed and malformed, and the memory map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "boot/multiboot2.c"
#include "boot/parse.c"
#include "boot/pvh.c"
#include "boot/regions.c"
#include "lib/string.h"

#define MEMORY_BYTES 0x10000
#define INFO_AT	     0x1000

/* --- memory as a loader leaves it --- */

struct memory {
	u8 bytes[MEMORY_BYTES] ALIGNED(8);
	u64 at;
};

static struct memory memory;
static struct boot_info info;

static struct boot_view whole_view(void)
{
	return (struct boot_view){.base = (uintptr_t)memory.bytes, .size = sizeof(memory.bytes)};
}

static void put(const void *bytes, size_t count)
{
	assert_true(memory.at + count <= sizeof(memory.bytes));
	memcpy(memory.bytes + memory.at, bytes, count);
	memory.at += count;
}

static void start(void)
{
	memset(&memory, 0xa5, sizeof(memory));
	memset(&info, 0, sizeof(info));
	memory.at = INFO_AT + sizeof(struct multiboot2_info);
}

/* Writes a tag and returns its address; a `size` other than 0 is a false length for the tag. */
static u64 put_tag(u32 type, const void *bytes, u32 count, u32 size)
{
	struct multiboot2_tag tag = {.type = type, .size = size != 0 ? size : count + 8};
	u64 at = memory.at;

	put(&tag, sizeof(tag));
	put(bytes, count);
	memory.at = align_up(memory.at, 8);
	return at;
}

static const char *finish(void)
{
	struct multiboot2_info head = {.total_size = (u32)(memory.at - INFO_AT)};
	struct boot_view view = whole_view();

	memcpy(memory.bytes + INFO_AT, &head, sizeof(head));
	return multiboot2_parse(&view, INFO_AT, &info);
}

static void put_module(u32 from, u32 to, const char *text)
{
	char body[128];

	memcpy(body, &from, 4);
	memcpy(body + 4, &to, 4);
	memcpy(body + 8, text, strlen(text) + 1);
	put_tag(MULTIBOOT2_MODULE, body, (u32)(8 + strlen(text) + 1), 0);
}

static void put_map(u32 entry_size, u32 count)
{
	u8 body[8 + 8 * 40] = {0};
	struct multiboot2_memory_entry entry = {.base = 0x100000, .length = 0x1000, .type = 1};

	assert_true(8 + entry_size * count <= sizeof(body));
	memcpy(body, &entry_size, 4);
	for (u32 i = 0; i < count; i++, entry.base += 0x10000)
		memcpy(body + 8 + i * entry_size, &entry, sizeof(entry));
	put_tag(MULTIBOOT2_MEMORY_MAP, body, 8 + entry_size * count, 0);
}

static void test_multiboot2_good(void **state)
{
	static const char command[] = "run=\\\"vm list; mem\\\" a\\\\b nokaslr";
	u8 rsdp[36] = "RSD PTR ";

	(void)state;
	start();
	put_tag(MULTIBOOT2_COMMAND_LINE, command, sizeof(command), 0);
	put_tag(2, "GRUB 2.06", 10, 0); /* the loader's name is ignored */
	put_module(0x5000, 0x6789, "skerry.conf some more");
	put_module(0x7000, 0x7000, "");
	put_tag(99, "unknown", 7, 0);
	put_map(32, 3);
	put_tag(MULTIBOOT2_ACPI_NEW, rsdp, 36, 0);
	put_tag(MULTIBOOT2_ACPI_OLD, rsdp, 20, 0);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_null(finish());

	assert_string_equal(info.command_line, "run=\"vm list; mem\" a\\b nokaslr");
	assert_int_equal(info.module_count, 2);
	assert_string_equal(info.module[0].name, "skerry.conf");
	assert_int_equal(info.module[0].base.value, 0x5000);
	assert_int_equal(info.module[0].length, 0x1789);
	assert_string_equal(info.module[1].name, "");
	assert_int_equal(info.region_count, 3);
	assert_int_equal(info.region[2].base, 0x120000);
	assert_int_equal(info.rsdp_bytes, 36);
	assert_memory_equal(info.rsdp_copy, "RSD PTR ", 8);
}

static void test_multiboot2_long_command_line(void **state)
{
	char text[3000];

	(void)state;
	start();
	memset(text, 'x', sizeof(text));
	put_tag(MULTIBOOT2_COMMAND_LINE, text, sizeof(text), 0);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_null(finish());
	assert_int_equal(strlen(info.command_line), BOOT_COMMAND_LINE_BYTES - 1);
}

static void test_multiboot2_malformed(void **state)
{
	struct boot_view view = whole_view();
	u32 huge = MEMORY_BYTES;

	(void)state;
	start(); /* there is no end tag */
	assert_string_equal(finish(), "the Multiboot2 information has no end tag");

	start(); /* a tag is shorter than its own header */
	put_tag(2, "x", 1, 7);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "a Multiboot2 tag has an impossible size");

	start(); /* tag longer than the information */
	put_tag(2, "x", 1, 0xfffffff9);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "a Multiboot2 tag has an impossible size");

	start(); /* a module tag has no addresses */
	put_tag(MULTIBOOT2_MODULE, "abcd", 4, 0);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "a Multiboot2 tag is shorter than its contents");

	start(); /* a module ends before it starts */
	put_module(0x6000, 0x5fff, "m");
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "a Multiboot2 module ends before its start");

	start(); /* entries too small to hold an entry */
	put_map(16, 1);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(),
			    "the Multiboot2 memory map has entries of an impossible size");

	start(); /* there is no room for the entries' size */
	put_tag(MULTIBOOT2_MEMORY_MAP, "", 0, 0);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "a Multiboot2 tag is shorter than its contents");

	start(); /* a truncated RSDP */
	put_tag(MULTIBOOT2_ACPI_OLD, "RSD PTR ", 8, 0);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "the Multiboot2 copy of the ACPI root pointer is cut short");

	start(); /* total size reaches past what can be read */
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_null(finish());
	memcpy(memory.bytes + INFO_AT, &huge, sizeof(huge));
	assert_string_equal(multiboot2_parse(&view, INFO_AT, &info),
			    "the Multiboot2 information has an impossible size");
	assert_string_equal(multiboot2_parse(&view, MEMORY_BYTES - 4, &info),
			    "the Multiboot2 information is misaligned or above 4 GiB");
	assert_string_equal(multiboot2_parse(&view, ~0ull - 7, &info),
			    "the Multiboot2 information is misaligned or above 4 GiB");
}

static void test_too_many(void **state)
{
	(void)state;
	start();
	for (u32 i = 0; i <= BOOT_MODULE_MAX; i++)
		put_module(0x1000, 0x2000, "m");
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "more than 64 boot modules");

	start();
	for (u32 i = 0; i < 32; i++)
		put_map(24, 10);
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "the memory map has too many entries");

	start();
	put_module(0, 1, "a-name-that-is-far-too-long-for-any-file-of-a-configuration-or-a-guest");
	put_tag(MULTIBOOT2_END, "", 0, 0);
	assert_string_equal(finish(), "a boot module's name is longer than 63 bytes");
}

/* --- PVH --- */

static struct pvh_start_info pvh_good(void)
{
	static const struct pvh_memory_entry map[] = {
		{.base = 0, .length = 0x9fc00, .type = 1},
		{.base = 0x100000, .length = 0x1000000, .type = 1},
	};
	static const struct pvh_module module = {
		.base = 0x4000, .length = 0x123, .command_line = 0x3000};

	start();
	memcpy(memory.bytes + 0x2000, map, sizeof(map));
	memcpy(memory.bytes + 0x2800, &module, sizeof(module));
	memcpy(memory.bytes + 0x3000, "guests.cpio x", 14);
	memcpy(memory.bytes + 0x3100, "nokaslr", 8);
	memcpy(memory.bytes + 0x3200, "RSD PTR ", 8);
	return (struct pvh_start_info){
		.magic = PVH_START_MAGIC,
		.version = 1,
		.module_count = 1,
		.modules = 0x2800,
		.command_line = 0x3100,
		.rsdp = 0x3200,
		.memory_map = 0x2000,
		.memory_map_count = 2,
	};
}

static const char *parse_pvh_at(const struct pvh_start_info *head, u64 at)
{
	struct boot_view view = whole_view();

	memset(&info, 0, sizeof(info));
	memcpy(memory.bytes + at, head, MIN(sizeof(*head), MEMORY_BYTES - at));
	return pvh_parse(&view, at, &info);
}

static void test_pvh_good(void **state)
{
	struct pvh_start_info head = pvh_good();

	(void)state;
	assert_null(parse_pvh_at(&head, INFO_AT));
	assert_string_equal(info.command_line, "nokaslr");
	assert_string_equal(info.module[0].name, "guests.cpio");
	assert_int_equal(info.module[0].base.value, 0x4000);
	assert_int_equal(info.region_count, 2);
	assert_int_equal(info.region[1].length, 0x1000000);
	assert_int_equal(info.rsdp.value, 0x3200);
	assert_int_equal(info.rsdp_bytes, 36);

	head.module_count = 0; /* without modules the list's address is ignored */
	head.modules = ~0ull;
	head.command_line = 0;
	head.rsdp = 0;
	assert_null(parse_pvh_at(&head, INFO_AT));
	assert_string_equal(info.command_line, "");
	assert_int_equal(info.rsdp_bytes, 0);
}

/* No loader promises that its lists lie at multiples of anything. */
static void test_pvh_misaligned(void **state)
{
	struct pvh_start_info head = pvh_good();

	(void)state;
	memmove(memory.bytes + 0x2001, memory.bytes + 0x2000, 2 * sizeof(struct pvh_memory_entry));
	memmove(memory.bytes + 0x2803, memory.bytes + 0x2800, sizeof(struct pvh_module));
	head.memory_map++;
	head.modules += 3;
	assert_null(parse_pvh_at(&head, INFO_AT));
	assert_string_equal(info.module[0].name, "guests.cpio");
	assert_int_equal(info.region[1].length, 0x1000000);
}

static void test_pvh_malformed(void **state)
{
	static const struct pvh_module far = {.base = 1ull << 40, .length = 1};
	struct pvh_start_info head = pvh_good();
	struct boot_view view = whole_view();

	(void)state;
	head.magic++;
	assert_string_equal(parse_pvh_at(&head, INFO_AT),
			    "the PVH start information has a wrong signature");
	head = pvh_good();
	head.version = 0;
	assert_string_equal(parse_pvh_at(&head, INFO_AT), "the PVH loader gives no memory map");
	head = pvh_good();
	head.memory_map_count = 0;
	assert_string_equal(parse_pvh_at(&head, INFO_AT), "the PVH loader gives no memory map");
	head = pvh_good();
	head.memory_map_count = ~0u;
	assert_string_equal(parse_pvh_at(&head, INFO_AT),
			    "the PVH memory map lies outside the low 4 GiB");
	head = pvh_good();
	head.memory_map = 0x4000;
	head.memory_map_count = BOOT_REGION_MAX + 1;
	assert_string_equal(parse_pvh_at(&head, INFO_AT), "the memory map has too many entries");
	head = pvh_good();
	head.memory_map = ~0ull - 8;
	assert_string_equal(parse_pvh_at(&head, INFO_AT),
			    "the PVH memory map lies outside the low 4 GiB");
	head = pvh_good();
	memset(memory.bytes + 0x4000, 0, (BOOT_MODULE_MAX + 1) * sizeof(struct pvh_module));
	head.modules = 0x4000;
	head.module_count = BOOT_MODULE_MAX + 1;
	assert_string_equal(parse_pvh_at(&head, INFO_AT), "more than 64 boot modules");
	head = pvh_good();
	head.modules = MEMORY_BYTES - 8;
	assert_string_equal(parse_pvh_at(&head, INFO_AT),
			    "the PVH module list lies outside the low 4 GiB");
	head = pvh_good();
	memcpy(memory.bytes + 0x2800, &far, sizeof(far));
	assert_string_equal(parse_pvh_at(&head, INFO_AT),
			    "a PVH module lies outside the low 4 GiB");
	head = pvh_good();
	assert_string_equal(parse_pvh_at(&head, MEMORY_BYTES - 48),
			    "the PVH start information lies outside the low 4 GiB");
	assert_string_equal(pvh_parse(&view, MEMORY_BYTES - 8, &info),
			    "the PVH start information lies outside the low 4 GiB");
}

/* --- the memory map --- */

static void add(u64 base, u64 length, u32 type)
{
	assert_null(boot_add_region(&info, base, length, type));
}

static void expect(u32 index, u64 base, u64 end, u32 type)
{
	assert_true(index < info.region_count);
	assert_int_equal(info.region[index].base, base);
	assert_int_equal(info.region[index].base + info.region[index].length, end);
	assert_int_equal(info.region[index].type, type);
}

static void test_regions(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	add(0x200000, 0x100000, BOOT_REGION_RAM);
	add(0x000000, 0x100000, BOOT_REGION_RAM);
	add(0x100000, 0x100000, BOOT_REGION_RAM); /* the new region joins both others */
	add(0x180000, 0x1000, BOOT_REGION_ACPI);  /* the ACPI region cuts a piece out */
	/* the reserved region wins over both others */
	add(0x180800, 0x1000, BOOT_REGION_RESERVED);
	add(0x400000, 0x1000, 20);		      /* a region of unknown type */
	add(0x500000, 0, BOOT_REGION_RAM);	      /* an empty region */
	add(~0ull - 0xfff, 0x10000, BOOT_REGION_NVS); /* a region that wraps */
	assert_null(regions_normalise(&info));
	assert_int_equal(info.region_count, 6);
	expect(0, 0, 0x180000, BOOT_REGION_RAM);
	expect(1, 0x180000, 0x180800, BOOT_REGION_ACPI);
	expect(2, 0x180800, 0x181800, BOOT_REGION_RESERVED);
	expect(3, 0x181800, 0x300000, BOOT_REGION_RAM);
	expect(4, 0x400000, 0x401000, BOOT_REGION_RESERVED);
	expect(5, ~0ull - 0xfff, ~0ull, BOOT_REGION_NVS);
}

static void test_regions_overflow(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	add(0, 1ull << 32, BOOT_REGION_RAM);
	for (u32 i = 1; i < BOOT_REGION_MAX; i++)
		add(i * 0x10000, 0x1000, BOOT_REGION_RESERVED);
	assert_string_equal(regions_normalise(&info), "the memory map has too many entries");
}

static void test_ranges(void **state)
{
	static struct ram_ranges ranges;

	(void)state;
	memset(&info, 0, sizeof(info));
	add(0x800, 0x3000, BOOT_REGION_RAM);   /* whole pages: 0x1000 to 0x3000 */
	add(0x100100, 0x200, BOOT_REGION_RAM); /* no whole page is left of this region */
	add(0x200000, 0x10000, BOOT_REGION_RAM);
	add(0x300000, 0x10000, BOOT_REGION_RESERVED);
	add(0x400000, 0x10000, BOOT_REGION_RAM);
	assert_null(regions_normalise(&info));
	regions_from_ram(&ranges, &info, 0, ~0ull);
	assert_int_equal(ranges.count, 3);
	assert_int_equal(ranges.range[0].start, 0x1000);
	assert_int_equal(ranges.range[0].end, 0x3000);
	assert_int_equal(regions_bytes(&ranges), 0x2000 + 0x20000);

	assert_true(regions_remove(&ranges, 0x204800, 0x10)); /* the removal splits a range */
	assert_int_equal(ranges.count, 4);
	assert_int_equal(ranges.range[1].end, 0x204000);
	assert_int_equal(ranges.range[2].start, 0x205000);
	assert_int_equal(ranges.range[2].end, 0x210000);
	assert_true(regions_remove(&ranges, 0x1000, 0x1000)); /* the lower half */
	assert_int_equal(ranges.range[0].start, 0x2000);
	assert_true(
		regions_remove(&ranges, 0x203000, 0x300000)); /* over several, to past the end */
	assert_int_equal(ranges.count, 2);
	assert_int_equal(ranges.range[1].end, 0x203000);
	assert_true(regions_remove(&ranges, 0x2000, ~0ull));
	assert_int_equal(ranges.count, 0);

	regions_from_ram(&ranges, &info, 0x205000, 0x404000);
	assert_int_equal(ranges.count, 2);
	assert_int_equal(ranges.range[0].start, 0x205000);
	assert_int_equal(ranges.range[1].end, 0x404000);

	/* Without room for one more range no range is split, but ends can still be cut off. */
	ranges.count = RAM_RANGE_MAX;
	for (u32 i = 0; i < RAM_RANGE_MAX; i++)
		ranges.range[i] = (struct ram_range){i * 0x10000ull, i * 0x10000ull + 0x8000};
	assert_false(regions_remove(&ranges, 0x14000, 0x1000));
	assert_int_equal(ranges.count, RAM_RANGE_MAX);
	assert_int_equal(ranges.range[2].start, 0x20000);
	assert_true(regions_remove(&ranges, 0x26000, 0x2000));
	assert_int_equal(ranges.range[2].end, 0x26000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiboot2_good),
		cmocka_unit_test(test_multiboot2_long_command_line),
		cmocka_unit_test(test_multiboot2_malformed),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_pvh_good),
		cmocka_unit_test(test_pvh_misaligned),
		cmocka_unit_test(test_pvh_malformed),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_regions_overflow),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
