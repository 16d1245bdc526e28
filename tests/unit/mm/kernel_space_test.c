/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own address space: stacks, devices, what is sealed after boot, and what is shown to
 * every table.
 */
#define MACHINE_HAS_KERNEL_SPACE
#include "tests/unit/mm_machine.h"
#include "tests/unit/mm/leaf_next.h"

#include "mm/kernel_space.c"
#include "boot/init/kernel_space.c"

/* Boot code, two pages of text, two of ro_after_init, two of data; an entry needs two of them. */
__asm__(".data\n"
	".balign 4096\n"
	"__image_start: .skip 4096\n"
	"__text_start: .skip 4096\n"
	"__entry_text_end: .skip 4096\n"
	"__ro_after_init_start: .skip 4096\n"
	"__entry_data_end: .skip 4096\n"
	"__ro_after_init_end: .skip 8192\n"
	".previous\n");

extern const char __image_start[];

#define IMAGE_PAGES 7

#define IMAGE_HPA (3 * MIB)
/* the base of the area, which continues in the next top-level slot */
#define VMAP_BASE   0xfffffeffffff0000ull
#define DIRECT_BASE 0xffff888000000000ull

static u64 loaded_root;

void tlb_arch_load_root(hpa_t root)
{
	loaded_root = root.value;
}

void tlb_arch_kick(u32 cpu)
{
	(void)cpu;
}

static struct boot_info info;

static void map_large(struct table *table, u64 at, u64 hpa)
{
	const struct pt_leaf leaf = {
		.at = at, .hpa = HPA(hpa), .level = PT_LEVEL_2M, .rights = PT_READ | PT_WRITE};

	assert_int_equal(table_map(table, &leaf), STATUS_OK);
}

/* Sets up what the boot code leaves: an identity mapping and a direct map. */
static void start(void)
{
	struct table boot;

	machine_reset(16 * MIB);
	assert_true(machine_pages(16 * MIB, HPA(IMAGE_HPA), IMAGE_PAGES * PAGE_SIZE));
	assert_int_equal(table_init(&boot, &format_host, NULL, false), STATUS_OK);
	map_large(&boot, 0, 0);
	map_large(&boot, DIRECT_BASE, 0);
	for (u64 page = 0; page < IMAGE_PAGES; page++) {
		const struct pt_leaf leaf = {
			.at = (u64)__image_start + page * PAGE_SIZE,
			.hpa = HPA(IMAGE_HPA + page * PAGE_SIZE),
			.level = PT_LEVEL_4K,
			.rights = page < 3 ? PT_READ | PT_EXECUTE : PT_READ | PT_WRITE,
		};

		assert_int_equal(table_map(&boot, &leaf), STATUS_OK);
	}
	info = (struct boot_info){
		.image_hpa = HPA(IMAGE_HPA),
		.image_base = HVA((u64)__image_start),
		.image_bytes = IMAGE_PAGES * PAGE_SIZE,
		.direct_map_base = HVA(direct_map_base),
		.vmap_base = HVA(VMAP_BASE),
		.root_table = boot.root.kernel,
	};
	assert_int_equal(kernel_space_init(&info), STATUS_OK);
	tlb_cpu_online(0);
}

static u64 top(hpa_t root, unsigned int slot)
{
	return *kernel_top_entry(root, slot);
}

static void test_init(void **state)
{
	struct pt_leaf leaf;
	u64 before[PT_ENTRY_COUNT];

	(void)state;
	start();
	assert_int_equal(loaded_root, kernel_table.root.kernel.value);
	assert_false(table_lookup(&kernel_table, 0, &leaf));
	assert_true(table_lookup(&kernel_table, DIRECT_BASE, &leaf));
	/* Later mappings change no top-level entry. */
	memcpy(before, hpa_to_pointer(kernel_table.root.kernel), PAGE_SIZE);
	for (unsigned int n = 0; n < 40; n++)
		assert_non_null(kernel_stack_alloc(HPA(0)));
	assert_true(kernel_vmap.next > 0xffffff0000000000);
	assert_memory_equal(before, hpa_to_pointer(kernel_table.root.kernel), PAGE_SIZE);
}

static void test_stack(void **state)
{
	struct pt_leaf leaf;

	(void)state;
	start();
	for (unsigned int n = 0; n < 50; n++) {
		hpa_t stub = HPA(n % 2 ? IMAGE_HPA : 0);
		u64 stack = (u64)kernel_stack_alloc(stub);

		assert_int_equal(stack % KERNEL_STACK_BYTES, 0);
		assert_false(table_lookup(&kernel_table, stack - PAGE_SIZE, &leaf));
		for (u64 at = stack; at < stack + KERNEL_STACK_BYTES; at += PAGE_SIZE) {
			assert_true(table_lookup(&kernel_table, at, &leaf));
			assert_int_equal(leaf.rights, PT_READ | PT_WRITE);
			assert_int_equal(page_owner(leaf.hpa), PAGE_KERNEL);
		}
		assert_int_equal(table_lookup(&kernel_table, stack + KERNEL_STACK_BYTES, &leaf),
				 stub.value != 0);
		if (stub.value == 0)
			continue;
		assert_int_equal(leaf.rights, PT_READ | PT_EXECUTE);
		assert_int_equal(leaf.hpa.value, IMAGE_HPA);
	}
}

static void test_device(void **state)
{
	struct pt_leaf leaf;
	u64 at;

	(void)state;
	start();
	at = (u64)kernel_map_device(HPA(0xfed00ff0), 0x20);
	assert_int_equal(at % PAGE_SIZE, 0xff0);
	assert_true(table_lookup(&kernel_table, at, &leaf));
	assert_int_equal(leaf.hpa.value, 0xfed00000);
	assert_int_equal(leaf.type, PT_TYPE_UC);
	assert_true(table_lookup(&kernel_table, at + 0x1f, &leaf));
	assert_int_equal(leaf.hpa.value, 0xfed01000);
	assert_false(table_lookup(&kernel_table, at + PAGE_SIZE + 0x1f, &leaf));
	assert_null(kernel_map_device(HPA(0x100000000), VMAP_BYTES));
}

static void test_seal(void **state)
{
	struct pt_leaf leaf;

	(void)state;
	start();
	/* The test's direct map and image are in the lower half: mapped by hand. */
	for (u64 at = 0; at < 16 * MIB; at += 2 * MIB) {
		if (at != (IMAGE_HPA & ~(2 * MIB - 1)))
			map_large(&kernel_table, direct_map_base + at, at);
	}
	for (u64 at = IMAGE_HPA & ~(2 * MIB - 1); at % (2 * MIB) != 0 || at < IMAGE_HPA;
	     at += PAGE_SIZE)
		assert_true(table_map_page(&kernel_table, direct_map_base + at, HPA(at),
					   at >= IMAGE_HPA && at < IMAGE_HPA + 3 * PAGE_SIZE
						   ? PT_READ
						   : PT_READ | PT_WRITE,
					   PT_TYPE_WB));
	for (u64 page = 0; page < IMAGE_PAGES; page++)
		assert_true(table_map_page(&kernel_table, (u64)__image_start + page * PAGE_SIZE,
					   HPA(IMAGE_HPA + page * PAGE_SIZE), PT_READ | PT_WRITE,
					   PT_TYPE_WB));
	loaded_root = 0;
	assert_true(table_lookup(&kernel_entry_table, (u64)__ro_after_init_start, &leaf));
	assert_int_equal(leaf.rights, PT_READ | PT_WRITE);
	kernel_space_seal();
	assert_false(table_lookup(&kernel_table, (u64)__image_start, &leaf));
	assert_true(table_lookup(&kernel_table, (u64)__text_start, &leaf));
	assert_true(table_lookup(&kernel_entry_table, (u64)__ro_after_init_start, &leaf));
	assert_int_equal(leaf.rights, PT_READ);
	assert_int_equal(loaded_root, kernel_table.root.kernel.value);
	for (u64 at = 0; at < 16 * MIB; at += PAGE_SIZE) {
		bool sealed = at >= IMAGE_HPA && at < IMAGE_HPA + 5 * PAGE_SIZE;

		assert_true(table_lookup(&kernel_table, direct_map_base + at, &leaf));
		assert_int_equal(leaf.rights, sealed ? PT_READ : PT_READ | PT_WRITE);
		assert_int_equal(leaf.hpa.value + (direct_map_base + at - leaf.at), at);
	}
	assert_true(table_lookup(&kernel_table, (u64)__ro_after_init_start, &leaf));
	assert_int_equal(leaf.rights, PT_READ);
	assert_true(table_lookup(&kernel_table, (u64)__ro_after_init_end, &leaf));
	assert_int_equal(leaf.rights, PT_READ | PT_WRITE);
}

static u64 exposed_bytes(u64 at, u64 end)
{
	struct pt_leaf leaf, kernel;
	u64 bytes = 0;

	while (leaf_next(&kernel_entry_table, &at, end, &leaf)) {
		/* the address is not in the image, see start() */
		if (table_lookup(&kernel_table, at, &kernel)) {
			assert_int_equal(leaf.hpa.value, kernel.hpa.value);
			assert_int_equal(leaf.rights, kernel.rights);
		}
		bytes += PAGE_SIZE;
		at += PAGE_SIZE;
	}
	return bytes;
}

/*
 * The user views have of the image what an entry needs, of each stack the page with its frame and
 * the stub above it, all of what a CPU owns, and no device.
 */
static void test_expose(void **state)
{
	u64 image = (u64)__text_start;
	u64 at;

	(void)state;
	start();
	assert_int_equal(exposed_bytes(0, 1ull << 47), 2 * PAGE_SIZE);
	assert_int_equal(exposed_bytes(image, image + PAGE_SIZE), PAGE_SIZE);
	assert_int_equal(exposed_bytes(image + 2 * PAGE_SIZE, image + 3 * PAGE_SIZE), PAGE_SIZE);
	assert_non_null(kernel_map_device(HPA(0xfee00000), PAGE_SIZE));
	assert_int_equal(exposed_bytes(VMAP_BASE, VMAP_BASE + VMAP_BYTES), 0);
	at = (u64)kernel_stack_alloc(HPA(0)) + KERNEL_STACK_BYTES;
	assert_int_equal(exposed_bytes(VMAP_BASE, VMAP_BASE + VMAP_BYTES), PAGE_SIZE);
	assert_int_equal(exposed_bytes(at - PAGE_SIZE, at), PAGE_SIZE);
	at = (u64)kernel_stack_alloc(HPA(IMAGE_HPA)) + KERNEL_STACK_BYTES;
	assert_int_equal(exposed_bytes(at - KERNEL_STACK_BYTES, at + PAGE_SIZE), 2 * PAGE_SIZE);
	assert_int_equal(exposed_bytes(at, at + PAGE_SIZE), PAGE_SIZE);
	at = (u64)kernel_pages_alloc(3);
	assert_int_equal(exposed_bytes(at, at + 3 * PAGE_SIZE), 3 * PAGE_SIZE);
	at = (u64)kernel_map_constant(HPA(IMAGE_HPA), PAGE_SIZE);
	assert_int_equal(exposed_bytes(at, at + PAGE_SIZE), PAGE_SIZE);
	assert_int_equal(exposed_bytes(VMAP_BASE, VMAP_BASE + VMAP_BYTES), 7 * PAGE_SIZE);
}

/* The tables for ring 3 have of the kernel's half what is exposed. */
static void test_share(void **state)
{
	struct table split;
	struct table single;
	u64 stack;

	(void)state;
	start();
	stack = (u64)kernel_stack_alloc(HPA(0));
	assert_int_equal(table_init(&split, &format_host, NULL, true), STATUS_OK);
	assert_int_equal(table_init(&single, &format_host, NULL, false), STATUS_OK);
	kernel_space_share(&split);
	kernel_space_share(&single);
	for (unsigned int slot = 0; slot < PT_ENTRY_COUNT; slot++) {
		u64 entry = top(kernel_table.root.kernel, slot);

		assert_int_equal(top(split.root.kernel, slot), entry);
		assert_int_equal(top(single.root.kernel, slot), entry);
		entry = top(kernel_entry_table.root.kernel, slot);
		assert_int_equal(top(split.root.user, slot), slot < 320 ? 0 : entry);
	}
	assert_int_not_equal(top(split.root.kernel, (DIRECT_BASE >> 39) % 512), 0);
	assert_int_not_equal(top(split.root.user, (stack >> 39) % 512), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),   cmocka_unit_test(test_stack),
		cmocka_unit_test(test_device), cmocka_unit_test(test_seal),
		cmocka_unit_test(test_expose), cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
