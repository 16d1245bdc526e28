/* SPDX-License-Identifier: MIT */
/*
 * Loading ELF executables with a PVH note: good files load as they say, broken ones are refused
 * with a sentence.
 */
#include "tests/unit/load_fixture.h"

#define TEXT_OFFSET 0x200u
#define TEXT_BYTES  0x180u
#define TEXT_AT	    0x200000u
#define TEXT_MEMORY 0x1000u
#define NOTE_OFFSET 0x180u
#define NOTE_AT	    0x300000u
#define ENTRY	    (TEXT_AT + 0x40)

static void put_segment_64(u8 *at, u32 type, u64 offset, u64 physical, u64 bytes, u64 memory)
{
	put_u32(at, type);
	put_u64(at + 8, offset);
	put_u64(at + 16, 0xffffffff80000000ull); /* the virtual address does not matter */
	put_u64(at + 24, physical);
	put_u64(at + 32, bytes);
	put_u64(at + 40, memory);
}

static void put_segment_32(u8 *at, u32 type, u32 offset, u32 physical, u32 bytes, u32 memory)
{
	put_u32(at, type);
	put_u32(at + 4, offset);
	put_u32(at + 12, physical);
	put_u32(at + 16, bytes);
	put_u32(at + 20, memory);
}

static void put_note(u8 *note, u32 value_bytes)
{
	/* first a note of another owner */
	put_u32(note, 6);
	put_u32(note + 4, 3);
	put_u32(note + 8, 18);
	memcpy(note + 12, "Linux", 6);
	note += 12 + 8 + 4;
	put_u32(note, 4);
	put_u32(note + 4, value_bytes);
	put_u32(note + 8, 18);
	memcpy(note + 12, "Xen", 4);
	put_u32(note + 16, ENTRY);
}

static int make(void **state)
{
	struct fixture *fixture = fixture_make(TEXT_OFFSET + TEXT_BYTES);
	u8 *file = fixture->file;

	memcpy(file, "\177ELF\2\1\1", 7);
	put_u16(file + 16, 2);
	put_u16(file + 18, 62);
	put_u64(file + 24, TEXT_AT);
	put_u64(file + 32, 64);
	put_u16(file + 54, 56);
	put_u16(file + 56, 2);
	put_segment_64(file + 64, 1, TEXT_OFFSET, TEXT_AT, TEXT_BYTES, TEXT_MEMORY);
	put_segment_64(file + 120, 4, NOTE_OFFSET, NOTE_AT, 48, 48);
	put_note(file + NOTE_OFFSET, 8);
	memset(file + TEXT_OFFSET, 0x90, TEXT_BYTES);
	*state = fixture;
	return 0;
}

static int make_32(void **state)
{
	struct fixture *fixture = fixture_make(TEXT_OFFSET + TEXT_BYTES);
	u8 *file = fixture->file;

	memcpy(file, "\177ELF\1\1\1", 7);
	put_u16(file + 16, 2);
	put_u16(file + 18, 3);
	put_u32(file + 24, TEXT_AT);
	put_u32(file + 28, 64);
	put_u16(file + 42, 32);
	put_u16(file + 44, 2);
	put_segment_32(file + 64, 1, TEXT_OFFSET, TEXT_AT, TEXT_BYTES, TEXT_MEMORY);
	put_segment_32(file + 96, 4, NOTE_OFFSET, NOTE_AT, 44, 44);
	put_note(file + NOTE_OFFSET, 4);
	memset(file + TEXT_OFFSET, 0x90, TEXT_BYTES);
	*state = fixture;
	return 0;
}

static void test_pvh(void **state)
{
	struct fixture *fixture = *state;
	const u8 *ram = fixture->job.ram;
	const struct hvm_start_info *info;
	const struct hvm_memory *map;
	u8 initrd[100] = {1, 2, 3};

	fixture->job.initrd = (struct load_file){initrd, sizeof(initrd)};
	memset(fixture->job.ram + TEXT_AT, 0xee, 0x2000);
	memset(fixture->job.ram + NOTE_AT, 0xee, 48);
	fixture->job.firmware = true;
	assert_true(load_guest(&fixture->job));
	/* a kernel of this kind may not count on the firmware's ticks, which cost exits */
	assert_false(fixture->job.firmware);
	assert_int_equal(fixture->page.rip, ENTRY);
	assert_int_equal(fixture->page.cr0, CR0_PE | CR0_ET);
	assert_int_equal(fixture->page.segment[SEG_CS].limit, 0xffffffff);
	assert_int_equal(fixture->page.segment[SEG_TR].limit, 0x67);
	assert_int_equal(fixture->page.segment[SEG_TR].selector, 0); /* nothing has loaded TR */
	assert_memory_equal(ram + TEXT_AT, fixture->file + TEXT_OFFSET, TEXT_BYTES);
	for (u32 i = TEXT_BYTES; i < TEXT_MEMORY; i++)
		assert_int_equal(ram[TEXT_AT + i], 0);
	assert_int_equal(ram[TEXT_AT + TEXT_MEMORY], 0xee);
	assert_int_equal(ram[NOTE_AT], 0xee); /* notes are read, not loaded */

	info = (const struct hvm_start_info *)(ram + fixture->page.gpr[GPR_RBX]);
	assert_int_equal(info->magic, 0x336ec578);
	assert_int_equal(info->version, 1);
	assert_int_equal(info->rsdp, LAYOUT_RSDP);
	assert_string_equal((const char *)ram + info->command_line, "console=ttyS0");
	assert_int_equal(info->module_count, 1);
	assert_int_equal(get_u64(ram + info->modules + 8), sizeof(initrd));
	assert_memory_equal(ram + get_u64(ram + info->modules), initrd, sizeof(initrd));
	map = (const struct hvm_memory *)(ram + info->memory_map);
	assert_int_equal(info->memory_map_count, fixture->job.map.count);
	assert_int_equal(map[0].type, E820_RAM);
	assert_int_equal(map[0].bytes, LAYOUT_EBDA);
}

static void test_no_initrd(void **state)
{
	struct fixture *fixture = *state;
	const struct hvm_start_info *info;

	assert_true(load_guest(&fixture->job));
	info = (const struct hvm_start_info *)(fixture->job.ram + fixture->page.gpr[GPR_RBX]);
	assert_int_equal(info->module_count, 0);
}

/* Without a note of owner Xen, the same note of another owner is accepted. */
static void test_other_owner(void **state)
{
	struct fixture *fixture = *state;

	memcpy(fixture->file + NOTE_OFFSET + 24 + 12, "Ned", 4);
	put_u32(fixture->file + NOTE_OFFSET + 8, 17);
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, ENTRY);
}

/* The offset of a segment without bytes in the file says nothing. */
static void test_zeros_alone(void **state)
{
	struct fixture *fixture = *state;
	u8 *file = fixture->file;

	put_u16(file + 56, 3);
	put_segment_64(file + 176, 1, TEXT_OFFSET + TEXT_BYTES + 0x1000, TEXT_AT + TEXT_MEMORY, 0,
		       0x1000);
	assert_true(load_guest(&fixture->job));
	put_u64(file + 176 + 32, 1);
	assert_refused(fixture, "truncated");
}

static void test_refusals(void **state)
{
	struct fixture *fixture = *state;
	u8 *file = fixture->file;

	put_u64(file + 64 + 24, RAM_BYTES - TEXT_MEMORY + 1);
	assert_refused(fixture, "memory: 32M is too little; use 33M or more for this kernel");
	put_u64(file + 64 + 24, LAYOUT_LOW_END - TEXT_MEMORY + 1);
	assert_refused(fixture, "lies outside the VM's RAM");
	put_u64(file + 64 + 24, ~0ull - 0x100);
	assert_refused(fixture, "lies outside the VM's RAM");
	put_u64(file + 64 + 24, LAYOUT_TABLES);
	assert_refused(fixture, "lies outside the VM's RAM");
	/* the segment lies across the end of a hole */
	put_u64(file + 64 + 24, LAYOUT_HIGH_START - 0x1000);
	assert_refused(fixture, "lies outside the VM's RAM: 0-0x90000, 0x100000-0x2000000");
	put_u64(file + 64 + 24, TEXT_AT);
	put_u64(file + 64 + 40, TEXT_BYTES - 1);
	assert_refused(fixture, "in memory");
	put_u64(file + 64 + 40, ~0ull);
	assert_refused(fixture, "lies outside the VM's RAM");
	put_u64(file + 64 + 40, TEXT_MEMORY);
	put_u64(file + 64 + 32, TEXT_BYTES + 1);
	assert_refused(fixture, "truncated");
	put_u64(file + 64 + 32, TEXT_BYTES);
	put_u64(file + 32, ~0ull - 8);
	assert_refused(fixture, "program headers");
	put_u64(file + 32, 64);
	put_u16(file + 18, 40);
	assert_refused(fixture, "another machine");
	put_u16(file + 18, 62);
	put_u64(file + NOTE_OFFSET + 24 + 16, TEXT_AT + TEXT_MEMORY);
	assert_refused(fixture, "PVH entry 0x201000 lies beyond its end 0x201000");
	put_u64(file + NOTE_OFFSET + 24 + 16, ENTRY);
	put_u32(file + 64, 6); /* the type PT_PHDR */
	assert_refused(fixture, "none of its 2 ELF program headers loads anything");
	put_u32(file + 64, 1);
	put_u32(file + 120, 6);
	assert_refused(fixture, "neither a bzImage");
	put_u32(file + 120, 4);
	put_u32(file + NOTE_OFFSET + 4, 0xfffffff0);
	assert_refused(fixture, "neither a bzImage");
}

/* A segment in the first page replaces the vectors there. */
static void test_first_page(void **state)
{
	struct fixture *fixture = *state;
	u8 *file = fixture->file;
	const u8 *ram = fixture->job.ram;

	put_u64(file + 64 + 24, 0);
	put_u64(file + 64 + 40, TEXT_BYTES);
	put_u64(file + NOTE_OFFSET + 24 + 16, 0x40);
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, 0x40);
	assert_memory_equal(ram, file + TEXT_OFFSET, TEXT_BYTES);
	assert_int_not_equal(get_u32(ram + TEXT_BYTES), 0); /* an interrupt vector */
	put_u64(file + 64 + 40, LAYOUT_GDT + 1);
	assert_refused(fixture, "lies outside the VM's RAM");
}

/* Below the first MiB there is room up to the EBDA, above the loader's own pages. */
static void test_low_memory(void **state)
{
	struct fixture *fixture = *state;
	u8 *file = fixture->file;

	put_u64(file + 64 + 24, LAYOUT_LOADER_END);
	put_u64(file + NOTE_OFFSET + 24 + 16, LAYOUT_LOADER_END + 0x40);
	put_u64(file + 64 + 40, LAYOUT_EBDA - LAYOUT_LOADER_END);
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, LAYOUT_LOADER_END + 0x40);
	put_u64(file + 64 + 40, LAYOUT_EBDA - LAYOUT_LOADER_END + 1);
	assert_refused(fixture, "lies outside the VM's RAM");
}

static void test_cut(void **state)
{
	assert_cut_refused(*state, TEXT_OFFSET + TEXT_BYTES, 1);
	assert_false(load_first(*state, 63));
	assert_error(*state, "its 63 bytes are too few for an ELF header");
}

static void test_noise(void **state)
{
	assert_survives_noise(*state, 4, TEXT_OFFSET, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pvh, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_pvh, make_32, fixture_free),
		cmocka_unit_test_setup_teardown(test_no_initrd, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_other_owner, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_other_owner, make_32, fixture_free),
		cmocka_unit_test_setup_teardown(test_zeros_alone, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_refusals, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_first_page, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_low_memory, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_cut, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_cut, make_32, fixture_free),
		cmocka_unit_test_setup_teardown(test_noise, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_noise, make_32, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
