/* SPDX-License-Identifier: MIT */
/* Which mitigations of speculation are used on which CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/cpu/instructions.h"

static u64 written[2];
static u32 written_to[2];
static u32 writes;
static u64 fake_efer = 0xd01;

#define rdmsr(index) fake_rdmsr(index)
#define wrmsr(index, value) fake_wrmsr(index, value)

static u64 fake_rdmsr(u32 index)
{
	assert_int_equal(index, 0xc0000080);
	return fake_efer;
}

static void fake_wrmsr(u32 index, u64 value)
{
	assert_true(writes < ARRAY_COUNT(written));
	written_to[writes] = index;
	written[writes++] = value;
}

#include "arch/x86_64/cpu/speculation.c"
#include "tests/random.h"
#include "tests/unit/cpu_images.h"

struct cpu_features features;

static void test_known_cpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cpu_images); i++) {
		const struct cpu_image *image = &cpu_images[i];
		struct speculation decided = speculation_decide(&image->is);

		if (decided.shown != image->shown || decided.spec_ctrl != image->spec_ctrl)
			fail_msg("%s: shown %lx, not %lx; SPEC_CTRL %lx, not %lx", image->name,
				 decided.shown, image->shown, decided.spec_ctrl, image->spec_ctrl);
		assert_int_equal(decided.ibpb, (decided.shown & HOST_IBPB) != 0);
		assert_int_equal(decided.ibrs_on_exit, (decided.shown & HOST_IBRS_ON_EXIT) != 0);
		assert_int_equal(decided.l1d_flush, (decided.shown & HOST_L1D_FLUSH) != 0);
		assert_int_equal(decided.clear,
				 (decided.shown & (HOST_L1D_FLUSH | HOST_VERW)) != 0);
	}
}

/* No MSR or bit is written that the CPU does not enumerate, whatever else it enumerates. */
static void test_nothing_without_an_offer(void **state)
{
	u64 seed = RANDOM_SEED;

	(void)state;
	for (u32 i = 0; i < 100000; i++) {
		struct speculation_cpu cpu = {
			.amd = i & 1, .version = i & 2 ? 0xa00f11 : 0x906ed};
		struct speculation decided;
		u32 *words[] = {&cpu.leaf_7_ebx,  &cpu.leaf_7_edx,   &cpu.leaf_72_edx,
				&cpu.leaf_88_ebx, &cpu.leaf_821_eax, &cpu.leaf_821_ecx};

		for (size_t n = 0; n <= ARRAY_COUNT(words); n++) {
			random_step(&seed);
			if (n < ARRAY_COUNT(words))
				*words[n] = (u32)seed;
			else
				cpu.capabilities = seed;
		}
		decided = speculation_decide(&cpu);
		if (cpu.amd) {
			assert_true(!decided.ibpb || cpu.leaf_88_ebx >> 12 & 1);
			assert_true(!(decided.spec_ctrl & 1) || cpu.leaf_88_ebx >> 14 & 1);
			assert_true(!(decided.spec_ctrl & 4) || cpu.leaf_88_ebx >> 24 & 1);
			assert_true(!decided.auto_ibrs || cpu.leaf_821_eax >> 8 & 1);
			assert_false(decided.l1d_flush || decided.ibrs_on_exit);
			assert_int_equal(decided.clear, speculation_family(&cpu) == 0x19 &&
							(cpu.leaf_821_ecx & 6) != 6);
		} else {
			assert_true(!decided.ibpb || cpu.leaf_7_edx >> 26 & 1);
			assert_true(!(decided.spec_ctrl & 1) || cpu.leaf_7_edx >> 26 & 1);
			assert_true(!(decided.spec_ctrl & 4) || cpu.leaf_7_edx >> 31 & 1);
			assert_true(!decided.l1d_flush || cpu.leaf_7_edx >> 28 & 1);
			/* VERW where microcode makes it clear something */
			assert_true(!decided.clear || decided.l1d_flush ||
				    (cpu.leaf_7_edx >> 10 & 1) ||
				    (cpu.capabilities & (BIT(17) | BIT(28))));
			assert_false(decided.auto_ibrs);
		}
	}
}

static void test_enable(void **state)
{
	struct speculation none = {0};
	struct speculation intel = {.spec_ctrl = 7};
	struct speculation amd = {.spec_ctrl = 6, .auto_ibrs = true};

	(void)state;
	speculation_enable(&none);
	assert_int_equal(writes, 0);
	speculation_enable(&intel);
	assert_int_equal(writes, 1);
	assert_int_equal(written_to[0], 0x48);
	assert_int_equal(written[0], 7);
	writes = 0;
	speculation_enable(&amd);
	assert_int_equal(writes, 2);
	assert_int_equal(written_to[1], 0xc0000080);
	assert_int_equal(written[1], 0x200d01);
	writes = 0;
	features.speculation = none;
	speculation_barrier();
	assert_int_equal(writes, 0);
	features.speculation.ibpb = true;
	speculation_barrier();
	assert_int_equal(written_to[0], 0x49);
	assert_int_equal(written[0], 1);
	writes = 0;
	intel.l1d_flush = true;
	speculation_clear(&intel);
	assert_int_equal(written_to[0], 0x10b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_cpus),
		cmocka_unit_test(test_nothing_without_an_offer),
		cmocka_unit_test(test_enable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
