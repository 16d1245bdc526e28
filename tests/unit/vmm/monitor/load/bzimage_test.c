/* SPDX-License-Identifier: MIT */
/*
 * Loading by the Linux boot protocol: good files load as the protocol says, broken ones are refused
 * with a sentence.
 */
#include "tests/unit/load_fixture.h"

#define SETUP_SECTORS 3u
#define SETUP_BYTES   ((SETUP_SECTORS + 1) * 512)
#define KERNEL_BYTES  0x3000u
#define LOAD_AT	      0x1000000u
#define INIT_SIZE     0x400000u

static int make(void **state)
{
	struct fixture *fixture = fixture_make(SETUP_BYTES + KERNEL_BYTES + 100);
	u8 *file = fixture->file;

	file[LINUX_SETUP_SECTS] = SETUP_SECTORS;
	put_u32(file + LINUX_SYSSIZE, KERNEL_BYTES / 16);
	put_u16(file + LINUX_BOOT_FLAG, 0xaa55);
	file[LINUX_JUMP_OFFSET] = 0x66;
	memcpy(file + LINUX_HEADER_MAGIC, "HdrS", 4);
	put_u16(file + LINUX_VERSION, 0x20f);
	file[LINUX_LOADFLAGS] = 1;
	put_u32(file + LINUX_CODE32_START, 0x100000);
	put_u32(file + LINUX_INITRD_ADDR_MAX, 0x7fffffff);
	file[LINUX_RELOCATABLE] = 1;
	put_u16(file + LINUX_XLOADFLAGS, 1);
	put_u32(file + LINUX_CMDLINE_SIZE, 2047);
	put_u64(file + LINUX_SETUP_DATA, 0x1234);
	put_u64(file + LINUX_PREF_ADDRESS, LOAD_AT);
	put_u32(file + LINUX_INIT_SIZE, INIT_SIZE);
	for (u32 i = 0; i < KERNEL_BYTES; i++)
		file[SETUP_BYTES + i] = (u8)(i * 7 + (i >> 8));
	*state = fixture;
	return 0;
}

static void test_entry_64(void **state)
{
	struct fixture *fixture = *state;
	struct vcpu_page *page = &fixture->page;
	const u8 *ram = fixture->job.ram;
	const u8 *params = ram + page->gpr[GPR_RSI];

	assert_true(load_guest(&fixture->job));
	params = ram + page->gpr[GPR_RSI];
	assert_int_equal(page->rip, LOAD_AT + 0x200);
	assert_memory_equal(ram + LOAD_AT, fixture->file + SETUP_BYTES, KERNEL_BYTES);
	assert_int_equal(page->efer, EFER_LME | EFER_LMA);
	assert_true((page->cr0 & (CR0_PG | CR0_PE)) == (CR0_PG | CR0_PE));
	assert_int_equal(page->rflags & RFLAGS_IF, 0);
	assert_int_equal(page->segment[SEG_CS].selector, 0x10);
	assert_true((page->segment[SEG_CS].access & SEGMENT_L) != 0);
	assert_int_equal(page->segment[SEG_DS].selector, 0x18);
	assert_int_equal(params[LINUX_TYPE_OF_LOADER], 0xff);
	assert_int_equal(get_u32(params + LINUX_HEADER_MAGIC), get_u32((const u8 *)"HdrS"));
	assert_int_equal(get_u32(params + LINUX_CODE32_START), LOAD_AT);
	assert_int_equal(get_u64(params + LINUX_SETUP_DATA), 0);
	assert_int_equal(get_u64(params + LINUX_ACPI_RSDP), LAYOUT_RSDP);
	assert_string_equal((const char *)ram + get_u32(params + LINUX_CMD_LINE_PTR),
			    "console=ttyS0");
	assert_int_equal(get_u32(params + LINUX_RAMDISK_IMAGE), 0);
	assert_int_equal(get_u32(params + LINUX_RAMDISK_SIZE), 0);
	assert_true((page->dirty & VCPU_CONTROL) != 0);
}

/* Every 2-MiB page of the first 4 GiB maps to itself, writable. */
static void test_identity_map(void **state)
{
	struct fixture *fixture = *state;
	const u64 *pml4;
	const u64 *pdpt;

	assert_true(load_guest(&fixture->job));
	pml4 = (const u64 *)(fixture->job.ram + fixture->page.cr3);
	pdpt = (const u64 *)(fixture->job.ram + (pml4[0] & PTE_ADDRESS));
	for (u64 at = 0; at < 4 * GIB; at += 2 * MIB) {
		const u64 *directory;

		assert_int_equal(pdpt[at / GIB] & (PTE_P | PTE_W | PTE_PS), PTE_P | PTE_W);
		directory = (const u64 *)(fixture->job.ram + (pdpt[at / GIB] & PTE_ADDRESS));
		assert_int_equal(directory[at / (2 * MIB) % 512], at | PTE_P | PTE_W | PTE_PS);
	}
}

static void test_e820(void **state)
{
	struct fixture *fixture = *state;
	const u8 *params;
	u64 last = 0;
	u64 ram_total = 0;

	assert_true(load_guest(&fixture->job));
	params = fixture->job.ram + fixture->page.gpr[GPR_RSI];
	assert_true(params[LINUX_E820_ENTRIES] > 0);
	for (u32 i = 0; i < params[LINUX_E820_ENTRIES]; i++) {
		const u8 *entry = params + LINUX_E820_TABLE + i * 20;
		u64 end = get_u64(entry) + get_u64(entry + 8);

		assert_true(get_u64(entry) >= last);
		last = end;
		if (get_u32(entry + 16) != E820_RAM)
			continue;
		ram_total += get_u64(entry + 8);
		assert_true(end <= LAYOUT_EBDA || get_u64(entry) >= LAYOUT_HIGH_START);
		assert_true(end <= RAM_BYTES);
	}
	assert_int_equal(ram_total, LAYOUT_EBDA + RAM_BYTES - LAYOUT_HIGH_START);
}

static void test_e820_above_4g(void **state)
{
	struct e820_map map;

	(void)state;
	e820_build(&map, 5 * GIB, false);
	assert_int_equal(map.entry[map.count - 1].start, 4 * GIB);
	assert_int_equal(map.entry[map.count - 1].length, 2 * GIB);
	e820_build(&map, 3 * GIB, false);
	assert_true(map.entry[map.count - 1].start < 4 * GIB);
	/* the map has room for all entries that there can be */
	e820_build(&map, 5 * GIB, true);
	assert_int_equal(map.count, E820_ENTRIES_MAX);
	assert_int_equal(map.entry[map.count - 1].start, 4 * GIB);
}

static void test_initrd(void **state)
{
	struct fixture *fixture = *state;
	const u8 *params;
	u8 initrd[5000];
	u64 at;

	memset(initrd, 0x5a, sizeof(initrd));
	fixture->job.initrd = (struct load_file){initrd, sizeof(initrd)};
	assert_true(load_guest(&fixture->job));
	params = fixture->job.ram + fixture->page.gpr[GPR_RSI];
	at = get_u32(params + LINUX_RAMDISK_IMAGE);
	assert_int_equal(at, RAM_BYTES - 2 * PAGE_SIZE);
	assert_int_equal(get_u32(params + LINUX_RAMDISK_SIZE), sizeof(initrd));
	assert_memory_equal(fixture->job.ram + at, initrd, sizeof(initrd));

	put_u32(fixture->file + LINUX_INITRD_ADDR_MAX, LOAD_AT + INIT_SIZE + 0x1fff);
	assert_true(load_guest(&fixture->job));
	assert_int_equal(get_u32(params + LINUX_RAMDISK_IMAGE), LOAD_AT + INIT_SIZE);
	put_u32(fixture->file + LINUX_INITRD_ADDR_MAX, LOAD_AT + INIT_SIZE + 0xfff);
	assert_refused(fixture, "initrd: its 5000 bytes do not fit");
}

/*
 * A kernel that cannot be relocated is loaded at code32_start and unpacks itself to pref_address.
 */
static void test_not_relocatable(void **state)
{
	struct fixture *fixture = *state;
	u8 *file = fixture->file;
	const u8 *params;
	u8 initrd[PAGE_SIZE] = {7};

	file[LINUX_RELOCATABLE] = 0;
	fixture->job.initrd = (struct load_file){initrd, sizeof(initrd)};
	put_u32(file + LINUX_INITRD_ADDR_MAX, LOAD_AT + INIT_SIZE + 0xfff);
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, 0x100200);
	params = fixture->job.ram + fixture->page.gpr[GPR_RSI];
	assert_int_equal(get_u32(params + LINUX_RAMDISK_IMAGE), LOAD_AT + INIT_SIZE);
	put_u32(file + LINUX_INITRD_ADDR_MAX, LOAD_AT + INIT_SIZE + 0xffe);
	assert_refused(fixture, "initrd: its 4096 bytes do not fit");

	fixture->job.initrd.size = 0;
	put_u32(file + LINUX_INIT_SIZE, RAM_BYTES - LOAD_AT + 1);
	assert_refused(fixture, "memory: 32M is too little; use 33M or more for this kernel");
	put_u32(file + LINUX_INIT_SIZE, 0xffffffff);
	assert_refused(fixture, "from 0x1000000 on to unpack itself");
	put_u64(file + LINUX_PREF_ADDRESS, ~0ull - 100);
	assert_refused(fixture, "from 0xffffffffffffff9b on to unpack itself");
}

/* A kernel unpacks itself to an address below the one at which it was loaded. */
static void test_not_relocatable_down(void **state)
{
	struct fixture *fixture = *state;
	u8 *file = fixture->file;
	u8 initrd[PAGE_SIZE] = {7};

	file[LINUX_RELOCATABLE] = 0;
	put_u32(file + LINUX_CODE32_START, LOAD_AT);
	put_u64(file + LINUX_PREF_ADDRESS, MIB);
	put_u32(file + LINUX_INITRD_ADDR_MAX, LOAD_AT + KERNEL_BYTES);
	fixture->job.initrd = (struct load_file){initrd, sizeof(initrd)};
	assert_refused(fixture, "initrd: its 4096 bytes do not fit");
}

static void test_entry_32(void **state)
{
	struct fixture *fixture = *state;

	put_u16(fixture->file + LINUX_VERSION, 0x206);
	assert_true(load_guest(&fixture->job));
	assert_int_equal(fixture->page.rip, 0x100000);
	assert_int_equal(fixture->page.cr0 & (CR0_PG | CR0_PE), CR0_PE);
	assert_int_equal(fixture->page.segment[SEG_CS].selector, 0x10);
	assert_int_equal(fixture->page.segment[SEG_CS].access & (SEGMENT_L | SEGMENT_DB),
			 SEGMENT_DB);
	assert_memory_equal(fixture->job.ram + 0x100000, fixture->file + SETUP_BYTES, KERNEL_BYTES);
	/* This version's own field lies where later versions have setup_data. */
	assert_int_equal(get_u64(fixture->job.ram + fixture->page.gpr[GPR_RSI] + LINUX_SETUP_DATA),
			 0x1234);
}

static void test_no_room_for_entry_64(void **state)
{
	struct fixture *fixture = *state;

	put_u32(fixture->file + LINUX_SYSSIZE, LINUX_ENTRY_64 / 16);
	assert_refused(fixture, "its 64-bit entry at 0x200 lies beyond its end");
	put_u32(fixture->file + LINUX_SYSSIZE, LINUX_ENTRY_64 / 16 + 1);
	assert_true(load_guest(&fixture->job));
}

static void test_refusals(void **state)
{
	struct fixture *fixture = *state;
	char line[3000];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	fixture->job.command_line = line;
	assert_refused(fixture, "cmdline: 2999 characters, this kernel takes at most 2047");
	fixture->job.command_line = "";

	put_u32(fixture->file + LINUX_INIT_SIZE, RAM_BYTES);
	assert_refused(fixture, "use 48M or more for this kernel");
	put_u32(fixture->file + LINUX_INIT_SIZE, 0xffffffff);
	assert_refused(fixture, "init_size");
	put_u32(fixture->file + LINUX_INIT_SIZE, RAM_BYTES - LOAD_AT);
	assert_true(load_guest(&fixture->job));
	put_u64(fixture->file + LINUX_PREF_ADDRESS, ~0ull - 100);
	assert_refused(fixture, "lies outside the VM's RAM");
	put_u64(fixture->file + LINUX_PREF_ADDRESS, LAYOUT_BOOT_INFO);
	assert_refused(fixture, "lies outside the VM's RAM");
	put_u64(fixture->file + LINUX_PREF_ADDRESS, LOAD_AT);

	put_u16(fixture->file + LINUX_VERSION, 0x205);
	assert_refused(fixture, "boot protocol 2.05");
	put_u16(fixture->file + LINUX_VERSION, 0x20f);
	fixture->file[LINUX_LOADFLAGS] = 0;
	assert_refused(fixture, "zImage");
	fixture->file[LINUX_LOADFLAGS] = 1;
	put_u32(fixture->file + LINUX_SYSSIZE, 0xffffffff);
	assert_refused(fixture, "truncated");
	fixture->file[LINUX_HEADER_MAGIC] = 'X';
	assert_refused(fixture, "neither a bzImage");
	fixture->job.ram_bytes = MIB;
	assert_refused(fixture, "too few");
}

static void test_cut(void **state)
{
	assert_cut_refused(*state, SETUP_BYTES + KERNEL_BYTES - 15, 61);
	assert_false(load_first(*state, LINUX_HEADER_END - 1));
	assert_error(*state, "its 611 bytes end inside the setup header");
}

static void test_noise(void **state)
{
	assert_survives_noise(*state, 0x1f0, 0x270, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_entry_64, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_identity_map, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_e820, make, fixture_free),
		cmocka_unit_test(test_e820_above_4g),
		cmocka_unit_test_setup_teardown(test_initrd, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_not_relocatable, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_not_relocatable_down, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_entry_32, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_no_room_for_entry_64, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_refusals, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_cut, make, fixture_free),
		cmocka_unit_test_setup_teardown(test_noise, make, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
