/* SPDX-License-Identifier: MIT */
/* boot/kaslr: every choice is within its bounds and possible; checks of entropy sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/cpu/uart.h"
#include "boot/entropy.c"
#include "boot/kaslr.c"
#include "boot/init/option.c"
#include "boot/regions.c"
#include "lib/chacha20.h"
#include "lib/checked.h"
#include "lib/entropy.c"
#include "lib/string.h"

#define IMAGE_BYTES 0x40000

u8 __image_start[1];
__asm__(".globl __image_end\n.set __image_end, __image_start + 0x40000");

static struct boot_info info;
static struct boot_memory memory;
static const char *fatal_sentence;
static jmp_buf fatal_return;

void uart_unfit(const char *sentence)
{
	fatal_sentence = sentence;
	longjmp(fatal_return, 1);
}

static void add(u64 base, u64 length, u32 type)
{
	info.region[info.region_count++] =
		(struct boot_region){.base = base, .length = length, .type = type};
}

static void test_has_word(void **state)
{
	(void)state;
	assert_int_equal(boot_option("nokaslr", "nokaslr"), 1);
	assert_int_equal(boot_option("a  nokaslr b", "nokaslr"), 1);
	assert_int_equal(boot_option("nokaslrx", "nokaslr"), 0);
	assert_int_equal(boot_option("xnokaslr a=nokaslr", "nokaslr"), 0);
	assert_int_equal(boot_option("run=\"help nokaslr\"", "nokaslr"), 0);
	assert_int_equal(boot_option("run=\"help\" \"nokaslr\"", "nokaslr"), 1);
	assert_int_equal(boot_option("", "nokaslr"), 0);
	assert_int_equal(boot_option("nokaslr cpus=2 a", "cpus="), 2);
	assert_int_equal(boot_option("ncpus=2", "cpus="), 0);
}

static void choose_places(const char *command_line, struct entropy_pool *pool)
{
	memset(&info, 0, sizeof(info));
	string_copy(info.command_line, sizeof(info.command_line), command_line);
	add(0, 0x9f000, BOOT_REGION_RAM);
	add(0x100000, 0x7f00000, BOOT_REGION_RAM);
	add(0x8000000, 0x100000, BOOT_REGION_ACPI);
	add(1ull << 32, 1ull << 30, BOOT_REGION_RAM);
	assert_null(regions_normalise(&info));
	memory.info = &info;
	regions_from_ram(&memory.free, &info, MIB, 512 * GIB);
	assert_true(regions_remove(&memory.free, 0x200000, IMAGE_BYTES));
	kaslr_choose(&memory, pool);
}

static void test_kaslr_off(void **state)
{
	struct entropy_pool pool = {{1}};

	(void)state;
	choose_places("log=debug nokaslr", &pool);
	assert_int_equal(info.image_hpa.value, 0x200000);
	assert_true(info.image_base.value == 0xffffffff80200000);
	assert_true(info.direct_map_base.value == 0xffff800000000000);
	assert_true(info.vmap_base.value == 0xffffe00000000000);
}

/* Every choice is within its bounds, and over many boots all bits that may vary do. */
static void test_kaslr_on(void **state)
{
	struct entropy_pool pool = {{2}};
	u64 ones = 0;
	u64 zeros = 0;
	bool high = false;

	(void)state;
	for (u32 i = 0; i < 2000; i++) {
		u64 hpa;
		u64 base;

		choose_places("", &pool);
		hpa = info.image_hpa.value;
		base = info.image_base.value;
		assert_true(is_aligned(hpa, PAGE_SIZE) && is_aligned(base, IMAGE_ALIGN));
		assert_true((hpa >= MIB && hpa + IMAGE_BYTES <= 0x8000000) ||
			    (hpa >= 4 * GIB && hpa + IMAGE_BYTES <= 5 * GIB));
		assert_false(ranges_overlap(hpa, IMAGE_BYTES, 0x200000, IMAGE_BYTES));
		assert_true(base >= 0xffffc00000000000 && base + IMAGE_BYTES <= 0xffffe00000000000);
		assert_true(info.direct_map_base.value >= 0xffff800000000000 &&
			    info.direct_map_base.value + 5 * GIB <= 0xffffa00000000000);
		assert_true(is_aligned(info.direct_map_base.value, GIB));
		assert_true(info.vmap_base.value >= 0xffffe00000000000 &&
			    info.vmap_base.value <= 0xffffff0000000000);
		assert_true(is_aligned(info.vmap_base.value, 2 * MIB));
		assert_int_equal(info.used_count, 1);
		assert_int_equal(info.used[0].base.value, hpa);
		ones |= base;
		zeros |= ~base;
		high |= hpa >= 4 * GIB;
	}
	assert_true(high);
	assert_true(__builtin_popcountll(ones & zeros) >= 30);
}

static void test_kaslr_no_room(void **state)
{
	struct entropy_pool pool = {{3}};

	(void)state;
	memset(&info, 0, sizeof(info));
	add(MIB, IMAGE_BYTES - PAGE_SIZE, BOOT_REGION_RAM);
	memory.info = &info;
	regions_from_ram(&memory.free, &info, MIB, 512 * GIB);
	fatal_sentence = NULL;
	if (setjmp(fatal_return) == 0)
		kaslr_choose(&memory, &pool);
	assert_string_equal(fatal_sentence, "no free memory range is large enough for the kernel");
}

/* Memory beyond 32-bit frame numbers is refused, up to an entry that reaches the last address. */
static void test_memory_too_high(void **state)
{
	static const struct {
		u64 base, length;
		u32 type;
		bool refused;
	} table[] = {
		{4 * GIB, 16384 * GIB - 4 * GIB, BOOT_REGION_RAM, false},
		{4 * GIB, 16384 * GIB, BOOT_REGION_RAM, true},
		{4 * GIB, 16384 * GIB, BOOT_REGION_RESERVED, false},
		{4 * GIB, ~0ull - 4 * GIB, BOOT_REGION_RAM, true},
		{16384 * GIB, MIB, BOOT_REGION_NVS, true},
	};
	struct entropy_pool pool = {{3}};

	(void)state;
	for (volatile u32 i = 0; i < ARRAY_COUNT(table); i++) {
		memset(&info, 0, sizeof(info));
		add(MIB, 512 * MIB, BOOT_REGION_RAM);
		add(table[i].base, table[i].length, table[i].type);
		memory.info = &info;
		regions_from_ram(&memory.free, &info, MIB, 512 * GIB);
		fatal_sentence = NULL;
		if (setjmp(fatal_return) == 0)
			kaslr_choose(&memory, &pool);
		assert_int_equal(fatal_sentence != NULL, table[i].refused);
		if (table[i].refused)
			assert_string_equal(fatal_sentence, "memory ends above 16 TiB, the most "
							    "that Skerry supports");
	}
}

static u32 draws;

static bool draw_counting(u64 *value)
{
	*value = ++draws;
	return draws % 3 != 0;
}

static bool draw_same(u64 *value)
{
	*value = ~0ull;
	return true;
}

static bool draw_few(u64 *value)
{
	*value = ++draws;
	return draws < HARDWARE_WORDS;
}

static bool draw_none(u64 *value)
{
	*value = 0;
	return false;
}

/* A source counts if it gives all its words; not if it gives too few or repeats one. */
static void test_health(void **state)
{
	struct entropy_pool pool = {{4}};
	struct entropy_pool other = pool;

	(void)state;
	draws = 0;
	assert_true(entropy_mix_hardware(&pool, draw_counting));
	assert_int_equal(draws, 11);
	assert_memory_not_equal(pool.key, other.key, sizeof(pool.key));
	assert_false(entropy_mix_hardware(&pool, draw_same));
	draws = 0;
	other = pool;
	assert_false(entropy_mix_hardware(&pool, draw_few));
	/* the sources are mixed in all the same */
	assert_memory_not_equal(pool.key, other.key, sizeof(pool.key));
	assert_false(entropy_mix_hardware(&pool, draw_none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has_word),	cmocka_unit_test(test_kaslr_off),
		cmocka_unit_test(test_kaslr_on),	cmocka_unit_test(test_kaslr_no_room),
		cmocka_unit_test(test_memory_too_high), cmocka_unit_test(test_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
