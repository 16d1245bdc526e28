/* SPDX-License-Identifier: MIT */
/* Loading Multiboot 1 images, flat and ELF, and the built-in flat guest. */
#include "tests/unit/load_fixture.h"

#define FILE_BYTES 0x800u
#define HEADER_AT  0x100u
#define LOAD_AT	   0x100000u

static void put_header(u8 *header, u32 flags)
{
	put_u32(header, 0x1badb002);
	put_u32(header + 4, flags);
	put_u32(header + 8, 0u - 0x1badb002 - flags);
}

static int make_flat(void **state)
{
	struct fixture *fixture = fixture_make(FILE_BYTES);
	u8 *header = fixture->file + HEADER_AT;

	memset(fixture->file, 0x42, FILE_BYTES);
	put_header(header, 0x10003);
	put_u32(header + MB1_HEADER_ADDRESS, LOAD_AT + 0x80);
	put_u32(header + MB1_LOAD_ADDRESS, LOAD_AT);
	put_u32(header + MB1_LOAD_END, LOAD_AT + 0x600);
	put_u32(header + MB1_BSS_END, LOAD_AT + 0x1000);
	put_u32(header + MB1_ENTRY, LOAD_AT + 0xa0);
	*state = fixture;
	return 0;
}

static int make_elf(void **state)
{
	struct fixture *fixture = fixture_make(FILE_BYTES);
	u8 *file = fixture->file;

	memcpy(file, "\177ELF\1\1\1", 7);
	put_u16(file + 18, 3);
	put_u32(file + 24, LOAD_AT + 0xa0);
	put_u32(file + 28, 52);
	put_u16(file + 42, 32);
	put_u16(file + 44, 1);
	put_u32(file + 52, 1);
	put_u32(file + 52 + 4, HEADER_AT);
	put_u32(file + 52 + 12, LOAD_AT);
	put_u32(file + 52 + 16, 0x600);
	put_u32(file + 52 + 20, 0x1000);
	put_header(file + HEADER_AT, 3);
	*state = fixture;
	return 0;
}

static const struct multiboot1_info *check_entry(struct fixture *fixture)
{
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, LOAD_AT + 0xa0);
	assert_int_equal(fixture->page.gpr[GPR_RAX], 0x2badb002);
	assert_true(fixture->job.firmware);
	/* the loader gives a stack, for kernels that push before they have their own */
	assert_int_equal(fixture->page.gpr[GPR_RSP], LAYOUT_STACK_TOP);
	assert_int_equal(fixture->page.cr0, CR0_PE | CR0_ET);
	assert_int_equal(fixture->page.segment[SEG_CS].selector, 0x08);
	assert_int_equal(fixture->page.segment[SEG_SS].selector, 0x10);
	assert_memory_equal(fixture->job.ram + LAYOUT_GDT + 8,
			    "\xff\xff\0\0\0\x9b\xcf\0\xff\xff\0\0\0\x93\xcf", 16);
	/* kernels without ACPI look there */
	assert_memory_equal(fixture->job.ram + LAYOUT_MP, "_MP_", 4);
	return (const struct multiboot1_info *)(fixture->job.ram + fixture->page.gpr[GPR_RBX]);
}

static void test_flat(void **state)
{
	struct fixture *fixture = *state;
	const u8 *ram = fixture->job.ram;

	memset(fixture->job.ram + LOAD_AT, 0xee, 0x2000);
	assert_int_equal(check_entry(fixture)->module_count, 0);
	/* the header is 0x80 above the load address: the image starts at file offset 0x80 */
	assert_memory_equal(ram + LOAD_AT, fixture->file + 0x80, 0x600);
	assert_int_equal(ram[LOAD_AT + 0x600], 0);
	assert_int_equal(ram[LOAD_AT + 0xfff], 0);
	assert_int_equal(ram[LOAD_AT + 0x1000], 0xee);
}

static void test_information(void **state)
{
	struct fixture *fixture = *state;
	const u8 *ram = fixture->job.ram;
	const struct multiboot1_info *info;
	const struct multiboot1_module *module;
	u8 initrd[33] = {9};
	u64 at;
	u32 entries = 0;

	fixture->job.initrd = (struct load_file){initrd, sizeof(initrd)};
	info = check_entry(fixture);
	assert_int_equal(info->flags & 0x4d, 0x4d);
	assert_int_equal(info->memory_lower, 639);
	assert_int_equal(info->memory_upper, (RAM_BYTES - MIB) / KIB);
	assert_string_equal((const char *)ram + info->command_line, "kernel console=ttyS0");
	assert_int_equal(info->module_count, 1);
	module = (const struct multiboot1_module *)(ram + info->modules);
	assert_int_equal(module->end - module->start, sizeof(initrd));
	assert_int_equal(module->start % PAGE_SIZE, 0);
	assert_memory_equal(ram + module->start, initrd, sizeof(initrd));
	for (at = info->map; at < info->map + info->map_bytes; at += get_u32(ram + at) + 4)
		entries++;
	assert_int_equal(at, info->map + info->map_bytes);
	assert_int_equal(entries, fixture->job.map.count);
}

static u32 module_start(struct fixture *fixture)
{
	const u8 *ram = fixture->job.ram;
	const struct multiboot1_info *info;

	assert_true(load_guest(&fixture->job));
	info = (const struct multiboot1_info *)(ram + fixture->page.gpr[GPR_RBX]);
	return ((const struct multiboot1_module *)(ram + info->modules))->start;
}

/* Kernels use the memory after the last module: a module must not be at the end of RAM. */
static void test_module_place(void **state)
{
	struct fixture *fixture = *state;
	u8 *header = fixture->file + HEADER_AT;
	u8 initrd[PAGE_SIZE + 1] = {9};

	fixture->job.initrd = (struct load_file){initrd, PAGE_SIZE};
	assert_int_equal(module_start(fixture), LOAD_AT + PAGE_SIZE);
	put_u32(header + MB1_BSS_END, LOAD_AT + PAGE_SIZE + 1);
	assert_int_equal(module_start(fixture), LOAD_AT + 2 * PAGE_SIZE);

	put_u32(header + MB1_BSS_END, RAM_BYTES - PAGE_SIZE);
	assert_int_equal(module_start(fixture), RAM_BYTES - PAGE_SIZE);
	fixture->job.initrd.size++;
	assert_refused(fixture, "use 33M or more for this kernel and its initrd");
}

static void test_module_of_low_kernel(void **state)
{
	struct fixture *fixture = *state;
	u8 *header = fixture->file + HEADER_AT;
	u8 initrd[33] = {9};

	put_u32(header + MB1_HEADER_ADDRESS, 0x10080);
	put_u32(header + MB1_LOAD_ADDRESS, 0x10000);
	put_u32(header + MB1_LOAD_END, 0x10600);
	put_u32(header + MB1_BSS_END, 0);
	put_u32(header + MB1_ENTRY, 0x100a0);
	fixture->job.initrd = (struct load_file){initrd, sizeof(initrd)};
	assert_int_equal(module_start(fixture), MIB);
}

static void test_elf(void **state)
{
	struct fixture *fixture = *state;

	check_entry(fixture);
	assert_memory_equal(fixture->job.ram + LOAD_AT, fixture->file + HEADER_AT, 0x600);
}

#define HIGHER_HALF 0xc0000000u

static void test_virtual_entry_32(void **state)
{
	struct fixture *fixture = *state;
	u8 *segment = fixture->file + 52;

	put_u32(segment + 8, HIGHER_HALF + LOAD_AT);
	check_entry(fixture); /* a physical entry is kept */
	put_u32(fixture->file + 24, HIGHER_HALF + LOAD_AT + 0xa0);
	check_entry(fixture);
	put_u32(fixture->file + 24, HIGHER_HALF + LOAD_AT + 0xfff);
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, LOAD_AT + 0xfff);
	put_u32(fixture->file + 24, HIGHER_HALF + LOAD_AT + 0x1000);
	assert_refused(fixture, "beyond its end");
}

/* The entry is in one segment's virtual range and in the other's physical range. */
static void test_entry_in_both_ranges(void **state)
{
	struct fixture *fixture = *state;
	u8 *segment = fixture->file + 52;

	put_u16(fixture->file + 44, 2);
	memcpy(segment + 32, segment, 32);
	put_u32(segment + 8, LOAD_AT);
	put_u32(segment + 12, LOAD_AT + 0x1000);
	put_u32(segment + 32 + 8, HIGHER_HALF);
	check_entry(fixture);

	put_u32(segment + 8, HIGHER_HALF);
	put_u32(segment + 12, LOAD_AT);
	put_u32(segment + 32 + 8, LOAD_AT);
	put_u32(segment + 32 + 12, LOAD_AT + 0x1000);
	check_entry(fixture);

	/* A part of the file that is not loaded does not count. */
	put_u32(fixture->file + 24, HIGHER_HALF + LOAD_AT + 0xa0);
	put_u32(segment + 8, HIGHER_HALF + LOAD_AT);
	put_u32(segment + 32, 6);
	put_u32(segment + 32 + 8, HIGHER_HALF + LOAD_AT);
	check_entry(fixture);
}

static void test_virtual_entry_64(void **state)
{
	struct fixture *fixture = *state;
	u8 *file = fixture->file;
	u8 *segment = file + 64;
	u64 virtual = 0xffffffff80000000ull;

	memset(file, 0, HEADER_AT);
	memcpy(file, "\177ELF\2\1\1", 7);
	put_u16(file + 18, 62);
	put_u64(file + 24, virtual + 0xa0);
	put_u64(file + 32, 64);
	put_u16(file + 54, 56);
	put_u16(file + 56, 1);
	put_u32(segment, 1);
	put_u64(segment + 8, HEADER_AT);
	put_u64(segment + 16, virtual);
	put_u64(segment + 24, LOAD_AT);
	put_u64(segment + 32, 0x600);
	put_u64(segment + 40, 0x1000);
	check_entry(fixture);
}

static void test_refusals(void **state)
{
	struct fixture *fixture = *state;
	u8 *header = fixture->file + HEADER_AT;

	put_u32(header + MB1_ENTRY, LOAD_AT + 0x2000);
	assert_refused(fixture, "beyond its end");
	put_u32(header + MB1_ENTRY, LOAD_AT);
	put_u32(header + MB1_LOAD_END, LOAD_AT + FILE_BYTES);
	assert_refused(fixture, "load end");
	put_u32(header + MB1_LOAD_END, LOAD_AT - 1);
	assert_refused(fixture, "load end");
	put_u32(header + MB1_LOAD_END, 0);
	assert_true(load_guest(&fixture->job));
	put_u32(header + MB1_BSS_END, 0xffffffff);
	assert_refused(fixture, "lies outside the VM's RAM");
	put_u32(header + MB1_HEADER_ADDRESS, LOAD_AT + 0x101);
	assert_refused(fixture, "do not fit together");
	put_u32(header + MB1_LOAD_ADDRESS, 0xfffffff0);
	assert_refused(fixture, "do not fit together");
	put_header(header, 0x10008);
	assert_refused(fixture, "requires flags");
	put_header(header, 3);
	assert_refused(fixture, "no ELF");
	header[8] ^= 1;
	assert_refused(fixture, "neither a bzImage");
	header[8] ^= 1;
	put_header(header, 0x10003);
	assert_false(load_first(fixture, HEADER_AT + MB1_HEADER_BYTES - 1));
	assert_error(fixture, "truncated inside its Multiboot header at 0x100");
}

static void test_demo(void **state)
{
	struct fixture *fixture = *state;

	fixture->job.demo = true;
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, 0x7c00);
	assert_int_equal(fixture->page.cr0 & CR0_PE, 0);
	assert_int_equal(fixture->page.segment[SEG_CS].base, 0);
	assert_memory_equal(fixture->job.ram + 0x7c00, fixture->file, FILE_BYTES);
	fixture->job.kernel.size = 0;
	assert_refused(fixture, "built-in guest");
}

static void test_noise(void **state)
{
	assert_survives_noise(*state, 0, HEADER_AT + 32, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_flat, make_flat, fixture_free),
		cmocka_unit_test_setup_teardown(test_information, make_flat, fixture_free),
		cmocka_unit_test_setup_teardown(test_information, make_elf, fixture_free),
		cmocka_unit_test_setup_teardown(test_module_place, make_flat, fixture_free),
		cmocka_unit_test_setup_teardown(test_module_of_low_kernel, make_flat, fixture_free),
		cmocka_unit_test_setup_teardown(test_elf, make_elf, fixture_free),
		cmocka_unit_test_setup_teardown(test_virtual_entry_32, make_elf, fixture_free),
		cmocka_unit_test_setup_teardown(test_entry_in_both_ranges, make_elf, fixture_free),
		cmocka_unit_test_setup_teardown(test_virtual_entry_64, make_elf, fixture_free),
		cmocka_unit_test_setup_teardown(test_refusals, make_flat, fixture_free),
		cmocka_unit_test_setup_teardown(test_demo, make_flat, fixture_free),
		cmocka_unit_test_setup_teardown(test_noise, make_flat, fixture_free),
		cmocka_unit_test_setup_teardown(test_noise, make_elf, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
