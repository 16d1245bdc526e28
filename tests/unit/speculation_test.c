/* SPDX-License-Identifier: MIT */
/*
 * Which mitigations of speculation are used on which CPU. Leaves and MSRs are those of the CPUs
 * named, with late microcode unless stated otherwise.
 */
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

struct cpu_features features;

/* ARCH_CAPABILITIES, by bit */
#define RDCL_NO (1ull << 0)
#define IBRS_ALL (1ull << 1)
#define SKIP_L1DFL (1ull << 3)
#define SSB_NO (1ull << 4)
#define MDS_NO (1ull << 5)
#define TSX_CTRL (1ull << 7)
#define TAA_NO (1ull << 8)
#define MMIO_ALL_NO (7ull << 13)
#define FB_CLEAR (1ull << 17)

#define OPEN (HOST_OPEN_V2 | HOST_OPEN_SSB | HOST_OPEN_L1TF | HOST_OPEN_MDS)

static const struct {
	const char *name;
	struct speculation_cpu cpu;
	u64 spec_ctrl;
	u64 shown;
} cpus[] = {
	{"Xeon X5670 (Westmere)", {.leaf_7_edx = 0x9c000000}, 7,
	 HOST_IBRS_ON_EXIT | HOST_OPEN_V2 | HOST_IBPB | HOST_STIBP | HOST_SSBD |
	 HOST_L1D_FLUSH | HOST_OPEN_MDS},
	{"Core i7-4770 (Haswell), as sold", {.leaf_7_ebx = 0x27ab}, 0, OPEN},
	{"Core i7-4770 (Haswell)", {.leaf_7_ebx = 0x27ab, .leaf_7_edx = 0x9c000400}, 7,
	 HOST_IBRS_ON_EXIT | HOST_OPEN_V2 | HOST_IBPB | HOST_STIBP | HOST_SSBD |
	 HOST_L1D_FLUSH | HOST_VERW},
	{"Xeon Gold 6148 (Skylake)", {.leaf_7_ebx = 0xd39ffffb, .leaf_7_edx = 0x9c000400}, 7,
	 HOST_IBRS_ON_EXIT | HOST_OPEN_V2 | HOST_IBPB | HOST_STIBP | HOST_SSBD |
	 HOST_L1D_FLUSH | HOST_VERW},
	{"Xeon Gold 6252 (Cascade Lake)",
	 {.leaf_7_ebx = 0xd39ffffb, .leaf_7_edx = 0xbc000400,
	  .capabilities = RDCL_NO | IBRS_ALL | SKIP_L1DFL | MDS_NO | TSX_CTRL}, 7,
	 HOST_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_VERW},
	{"Xeon 8380 (Ice Lake)",
	 {.leaf_7_ebx = 0xf3bfbfeb, .leaf_7_edx = 0xbc040412,
	  .capabilities = RDCL_NO | IBRS_ALL | SKIP_L1DFL | MDS_NO | TAA_NO | FB_CLEAR}, 7,
	 HOST_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_VERW},
	{"Xeon 8480 (Sapphire Rapids)",
	 {.leaf_7_ebx = 0xf3bfbfeb, .leaf_7_edx = 0xffd94432,
	  .capabilities = RDCL_NO | IBRS_ALL | SKIP_L1DFL | MDS_NO | TAA_NO | MMIO_ALL_NO}, 7,
	 HOST_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD},
	{"Atom C3558 (Denverton)",
	 {.leaf_7_ebx = 0x2294e283, .leaf_7_edx = 0xac000000,
	  .capabilities = RDCL_NO | SKIP_L1DFL | MDS_NO | TAA_NO | MMIO_ALL_NO}, 7,
	 HOST_IBRS_ON_EXIT | HOST_OPEN_V2 | HOST_IBPB | HOST_STIBP | HOST_SSBD},
	{"a CPU without any of it",
	 {.leaf_7_edx = 0xbc000400, .capabilities = RDCL_NO | IBRS_ALL | SSB_NO | MDS_NO | TAA_NO |
	  MMIO_ALL_NO}, 3, HOST_IBRS | HOST_IBPB | HOST_STIBP},
	{"Bochs, Skylake-X", {.leaf_7_ebx = 0xd19f47a9}, 0, OPEN},
	{"EPYC 7601 (Zen)", {.amd = true, .leaf_88_ebx = 0x1007}, 0,
	 HOST_IBPB | HOST_OPEN_V2 | HOST_OPEN_SSB},
	{"EPYC 7742 (Zen 2)", {.amd = true, .leaf_88_ebx = 0x018cf757}, 6,
	 HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_OPEN_V2},
	{"EPYC 7763 (Zen 3)", {.amd = true, .leaf_88_ebx = 0x111ef657}, 6,
	 HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_OPEN_V2},
	{"EPYC 9654 (Zen 4)",
	 {.amd = true, .leaf_88_ebx = 0x791ef257, .leaf_821_eax = 0x62fcf}, 6,
	 HOST_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD},
	{"an AMD that likes IBRS to stay on", {.amd = true, .leaf_88_ebx = 0x0501d000}, 3,
	 HOST_IBRS | HOST_IBPB | HOST_STIBP},
	{"QEMU, EPYC", {.amd = true, .leaf_88_ebx = 0}, 0, HOST_OPEN_V2 | HOST_OPEN_SSB},
};

static void test_known_cpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cpus); i++) {
		struct speculation decided = speculation_decide(&cpus[i].cpu);

		if (decided.shown != cpus[i].shown || decided.spec_ctrl != cpus[i].spec_ctrl)
			fail_msg("%s: shown %lx, not %lx; SPEC_CTRL %lx, not %lx", cpus[i].name,
				 decided.shown, cpus[i].shown, decided.spec_ctrl,
				 cpus[i].spec_ctrl);
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
		struct speculation_cpu cpu = {.amd = i & 1};
		struct speculation decided;
		u32 *words[] = {&cpu.leaf_7_ebx, &cpu.leaf_7_edx, &cpu.leaf_88_ebx,
				&cpu.leaf_821_eax};

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
			assert_false(decided.clear || decided.l1d_flush || decided.ibrs_on_exit);
		} else {
			assert_true(!decided.ibpb || cpu.leaf_7_edx >> 26 & 1);
			assert_true(!(decided.spec_ctrl & 1) || cpu.leaf_7_edx >> 26 & 1);
			assert_true(!(decided.spec_ctrl & 4) || cpu.leaf_7_edx >> 31 & 1);
			assert_true(!decided.l1d_flush || cpu.leaf_7_edx >> 28 & 1);
			assert_false(decided.auto_ibrs);
		}
		/* either a mitigation is in use, or its lack is shown */
		assert_true((decided.shown & (HOST_IBRS | HOST_IBRS_ON_EXIT | HOST_OPEN_V2)) != 0);
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
