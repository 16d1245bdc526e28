/* SPDX-License-Identifier: MIT */
/*
 * The x87 and vector registers of guests: save areas, loading and saving, XCR0. The VMX and SVM
 * back ends load and save the registers when a vCPU changes its CPU, kernel/guest/vcpu_run.c takes
 * a save area's contents from a monitor. It owns CR0.TS and XCR0 of the running CPU; the kernel
 * itself uses none of these registers.
 */
#include "arch/x86_64/cpu/fpu.h"

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/control.h"
#include "lib/string.h"

/* Sizes of an XSAVE area's legacy region, all that FXSAVE writes, and header (SDM vol. 1, 13.4). */
#define LEGACY_BYTES 512u
#define HEADER_BYTES 64u
#define LEGACY_FCW   0u
#define LEGACY_MXCSR 24u
/* the FPU control word after RESET (SDM vol. 3, table 10-1); FNINIT would set 0x37f */
#define FCW_RESET   0x0040u
#define MXCSR_RESET 0x1f80u

/* Makes the FPU registers unusable again: outside this file any use of them raises #NM. */
static void fpu_close(void)
{
	write_cr0(read_cr0() | CR0_TS);
}

size_t fpu_area_bytes(void)
{
	size_t bytes = LEGACY_BYTES + HEADER_BYTES;

	for (u32 component = 2; component < 63; component++) {
		struct cpuid_regs leaf;

		if (!(features.xcr0 & BIT(component)))
			continue;
		leaf = cpuid(CPUID_XSAVE, component);
		bytes = MAX(bytes, (size_t)leaf.ebx + leaf.eax);
	}
	return bytes;
}

void fpu_area_init(void *area)
{
	const u16 fcw = FCW_RESET;
	const u32 mxcsr = MXCSR_RESET;
	/*
	 * FCW must be loaded, as FCW_RESET differs from the value that XRSTOR sets for an absent
	 * x87
	 */
	const u64 present = XCR0_X87;

	memset(area, 0, fpu_area_bytes());
	memcpy((u8 *)area + LEGACY_FCW, &fcw, sizeof(fcw));
	memcpy((u8 *)area + LEGACY_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy((u8 *)area + LEGACY_BYTES, &present, sizeof(present));
}

/*
 * Clears the fields of the copied image that would make XRSTOR fault (SDM vol. 1, 13.8.1);
 * MXCSR_MASK stays the CPU's own.
 */
void fpu_area_take(void *area, const void *image)
{
	u32 *mxcsr = (u32 *)((u8 *)area + LEGACY_MXCSR);
	u64 *header = (u64 *)((u8 *)area + LEGACY_BYTES);
	u32 mask;

	fpu_load(area, features.xcr0);
	fpu_save(area);
	mask = mxcsr[1];
	memcpy(area, image, MIN(fpu_area_bytes(), PAGE_SIZE));
	mxcsr[0] &= mask;
	mxcsr[1] = mask;
	header[0] &= features.xcr0;
	memset(&header[1], 0, HEADER_BYTES - sizeof(header[0]));
}

bool fpu_xcr0_valid(u64 xcr0)
{
	u64 avx512 = xcr0 & XCR0_AVX512;

	return (xcr0 & ~(features.xcr0 | XCR0_X87)) == 0 && (xcr0 & XCR0_X87) &&
	       (!(xcr0 & XCR0_AVX) || (xcr0 & XCR0_SSE)) &&
	       (!avx512 || (avx512 == XCR0_AVX512 && (xcr0 & XCR0_AVX)));
}

/*
 * Loads the registers from a save area. State components that the guest has disabled in XCR0 keep
 * their values, so all are saved and restored; XCR0 enables all of them while no guest's state is
 * loaded. FNINIT is needed because on older AMD CPUs a restore without a pending exception leaves
 * the previous owner's x87 instruction and data pointers in place (APM vol. 5, FXRSTOR).
 */
void fpu_load(const void *area, u64 xcr0)
{
	clts();
	fninit();
	if (features.xcr0) {
		xrstor(area, features.xcr0);
		if (unlikely(xcr0 != features.xcr0))
			xsetbv(0, xcr0);
	} else {
		fxrstor(area);
	}
	fpu_close();
}

void fpu_save(void *area)
{
	/* a save area without any state component: XRSTOR initializes them all */
	static const u32 nothing[(LEGACY_BYTES + HEADER_BYTES) / 4] ALIGNED(64) = {
		[LEGACY_MXCSR / 4] = MXCSR_RESET};

	clts();
	if (features.xcr0) {
		if (unlikely(xgetbv(0) != features.xcr0))
			xsetbv(0, features.xcr0);
		xsave(area, features.xcr0);
		xrstor(nothing, features.xcr0);
	} else {
		fxsave(area);
		fxrstor(nothing);
	}
	fpu_close();
}

u64 fpu_xcr0_get(void)
{
	return features.xcr0 ? xgetbv(0) & features.xcr0 : XCR0_X87;
}

void fpu_xcr0_set(u64 xcr0)
{
	if (features.xcr0)
		xsetbv(0, xcr0);
}
