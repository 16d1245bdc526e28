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

#define rdmsr(index)	    fake_rdmsr(index)
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

/* Compiled as all of ring 0 is: code that saves every register saves no vectors. */
#pragma GCC push_options
#pragma GCC target("general-regs-only")
#include "arch/x86_64/cpu/speculation.c"
#pragma GCC pop_options
#include "boot/init/speculation.c"
#include "tests/random.h"
#include "tests/unit/cpu_images.h"

struct cpu_features features;

static void test_known_cpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cpu_images); i++) {
		const struct cpu_image *image = &cpu_images[i];
		struct speculation decided = speculation_decide(&image->is);

		if (decided.done != image->done || decided.spec_ctrl != image->spec_ctrl)
			fail_msg("%s: done %lx, not %lx; SPEC_CTRL %lx, not %lx", image->name,
				 decided.done, image->done, decided.spec_ctrl, image->spec_ctrl);
	}
}

/* No MSR or bit is written that the CPU does not enumerate, whatever else it enumerates. */
static void test_nothing_without_an_offer(void **state)
{
	u64 seed = RANDOM_SEED;

	(void)state;
	for (u32 i = 0; i < 100000; i++) {
		struct speculation_cpu cpu = {.amd = i & 1, .version = i & 2 ? 0xa00f11 : 0x906ed};
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
			assert_true(!(decided.done & HOST_IBPB) || cpu.leaf_88_ebx >> 12 & 1);
			assert_true(!(decided.spec_ctrl & 1) || cpu.leaf_88_ebx >> 14 & 1);
			assert_true(!(decided.spec_ctrl & 4) || cpu.leaf_88_ebx >> 24 & 1);
			assert_true(!(decided.done & HOST_AUTO_IBRS) || cpu.leaf_821_eax >> 8 & 1);
			assert_false(decided.done & (HOST_L1D_FLUSH | HOST_IBRS_ON_EXIT));
			assert_int_equal((decided.done & HOST_VERW) != 0,
					 speculation_family(&cpu) == 0x19 &&
						 (cpu.leaf_821_ecx & 6) != 6);
		} else {
			assert_true(!(decided.done & HOST_IBPB) || cpu.leaf_7_edx >> 26 & 1);
			assert_true(!(decided.spec_ctrl & 1) || cpu.leaf_7_edx >> 26 & 1);
			assert_true(!(decided.spec_ctrl & 4) || cpu.leaf_7_edx >> 31 & 1);
			assert_true(!(decided.spec_ctrl & 0x400) || cpu.leaf_72_edx >> 4 & 1);
			assert_true(!(decided.done & HOST_L1D_FLUSH) || cpu.leaf_7_edx >> 28 & 1);
			/* VERW where microcode makes it clear something */
			assert_true(!(decided.done & HOST_VERW) || (cpu.leaf_7_edx >> 10 & 1) ||
				    (cpu.capabilities & (BIT(17) | BIT(28))));
			assert_false(decided.done & HOST_AUTO_IBRS);
		}
	}
}

/*
 * Calls a function with a number in each register that it may change, and reads these afterwards.
 */
static void registers_after(void (*function)(void), u64 values[9])
{
	__asm__ volatile("sub $128, %%rsp; push %%rbx; mov %%rdi, %%rbx\n\t"
			 "mov $1, %%eax; mov $2, %%ecx; mov $3, %%edx; mov $5, %%edi\n\t"
			 "mov $6, %%r8d; mov $7, %%r9d; mov $8, %%r10d; mov $9, %%r11d\n\t"
			 "push %%rsi; mov $4, %%esi; call *(%%rsp)\n\t"
			 "mov %%rax, (%%rbx); mov %%rcx, 8(%%rbx); mov %%rdx, 16(%%rbx)\n\t"
			 "mov %%rsi, 24(%%rbx); mov %%rdi, 32(%%rbx); mov %%r8, 40(%%rbx)\n\t"
			 "mov %%r9, 48(%%rbx); mov %%r10, 56(%%rbx); mov %%r11, 64(%%rbx)\n\t"
			 "pop %%rsi; pop %%rbx; add $128, %%rsp"
			 : "+D"(values), "+S"(function)
			 :
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "cc", "memory");
}

/*
 * The functions are executed as they are: assembly that calls them has all registers in use, and
 * one stack.
 */
static void test_nothing_is_lost(void **state)
{
	/* called by address, as clang has in their type the registers that they keep */
	const u64 functions[] = {(u64)speculation_exited, (u64)speculation_forget,
				 (u64)speculation_clear};
	const u64 done[] = {0, HOST_HISTORY, HOST_VERW};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(functions) * ARRAY_COUNT(done); i++) {
		u64 values[9] = {0};

		features.speculation.done = done[i / ARRAY_COUNT(functions)];
		registers_after((void (*)(void))functions[i % ARRAY_COUNT(functions)], values);
		for (u64 n = 0; n < ARRAY_COUNT(values); n++)
			assert_int_equal(values[n], n + 1);
	}
	features.speculation.done = 0;
}

static void test_enable(void **state)
{
	struct speculation none = {0};
	struct speculation intel = {.spec_ctrl = 7};
	struct speculation amd = {.spec_ctrl = 6, .done = HOST_IBRS | HOST_AUTO_IBRS};

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
	features.speculation.done = HOST_IBPB;
	speculation_barrier();
	assert_int_equal(written_to[0], 0x49);
	assert_int_equal(written[0], 1);
	writes = 0;
	speculation_clear();
	assert_int_equal(writes, 0);
	features.speculation.done = HOST_L1D_FLUSH | HOST_VERW;
	speculation_clear();
	assert_int_equal(written_to[0], 0x10b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_cpus),
		cmocka_unit_test(test_nothing_without_an_offer),
		cmocka_unit_test(test_enable),
		cmocka_unit_test(test_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
