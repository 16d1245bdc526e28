/* SPDX-License-Identifier: MIT */
/*
 * Do the FPU and vector registers keep this guest's values? Two guests run this at the same time
 * with different values (seed=N), each giving up the CPU again and again by exits and HLT.
 */
#include "tests/guest/rt/devices.h"
#include "vmm/hw/cpuid.h"

#define ROUNDS	300u
#define VECTORS 16u

typedef u64 vector[4]; /* 256 bits */

static vector wanted[VECTORS] ALIGNED(32);
static vector found[VECTORS] ALIGNED(32);
static bool avx;

/* Functions in fpu_code.S: */
void fpu_load_sse(const vector *values);
void fpu_store_sse(vector *values);
void fpu_load_avx(const vector *values);
void fpu_store_avx(vector *values);

static u64 next_value(u64 value)
{
	return value * 6364136223846793005ull + 1442695040888963407ull;
}

static void load_all(u64 seed, u32 mxcsr, u16 control)
{
	for (u32 i = 0; i < VECTORS; i++) {
		for (u32 j = 0; j < 4; j++)
			wanted[i][j] = seed = next_value(seed);
	}
	if (avx)
		fpu_load_avx(wanted);
	else
		fpu_load_sse(wanted);
	asm volatile("ldmxcsr %0; fninit; fldcw %1; fld1; fldpi" ::"m"(mxcsr), "m"(control));
}

static u32 count_differences(void)
{
	u32 differences = 0;

	if (avx)
		fpu_store_avx(found);
	else
		fpu_store_sse(found);
	for (u32 i = 0; i < VECTORS; i++) {
		for (u32 j = 0; j < (avx ? 4u : 2u); j++)
			differences += found[i][j] != wanted[i][j];
	}
	return differences;
}

static void acknowledge(struct trap_frame *frame)
{
	(void)frame;
	lapic_put(LAPIC_EOI, 0);
}

/* Gives up the CPU for a moment. */
static void rest(void)
{
	lapic_put(LAPIC_TIMER_INITIAL, 20000);
	interrupts_on_and_halt();
	cpuid(0, 0);
	out8(0x80, 1);
}

void guest_main(void)
{
	u64 seed = option_number("seed", 1);
	u32 mxcsr = 0x1f80 | (u32)(seed & 3) << 13;
	u16 control = (u16)(0x037f & ~(3 << 10)) | (u16)((seed & 3) << 10);
	u32 differences = 0;
	u32 mxcsr_found;
	u16 control_found;
	u64 pi;

	pic_mask_all();
	lapic_enable();
	trap_set_hook(VECTOR_TIMER, acknowledge);
	lapic_put(LAPIC_TIMER_DIVIDE, LAPIC_TIMER_DIVIDE_BY_16);
	lapic_put(LAPIC_LVT_TIMER, VECTOR_TIMER);
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	avx = (cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_AVX) != 0;
	if (avx) {
		write_cr4(read_cr4() | CR4_OSXSAVE);
		asm volatile("xsetbv" ::"c"(0), "a"(XCR0_X87 | XCR0_SSE | XCR0_AVX), "d"(0));
		pass("avx");
	} else {
		absent("avx");
	}
	load_all(seed, mxcsr, control);
	for (u32 i = 0; i < ROUNDS; i++) {
		rest();
		differences += count_differences();
	}
	check_equal("vector-registers", differences, 0);
	asm volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr_found), "=m"(control_found));
	check_equal("mxcsr", mxcsr_found, mxcsr);
	check_equal("x87-control", control_found, control);
	asm volatile("fstpl %0" : "=m"(pi));
	check_equal("x87-stack", pi >> 8, 0x400921fb54442d18 >> 8);
}
