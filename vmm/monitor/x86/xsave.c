/* SPDX-License-Identifier: MIT */
/*
 * Finds and accesses registers in a vCPU's XSAVE area: vectors, MMX and x87. Called by the
 * emulator's vector and x87 files; changes that area only.
 */
#include "vmm/monitor/x86/xsave.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/hw/cpuid.h"
#include "vmm/monitor/cpuid/cpuid.h"
#include "vmm/rt/zero.h"

/* Offsets in the legacy region: SDM vol. 1, table 10-2 and 13.4. */
enum legacy_offset {
	LEGACY_FCW = 0,
	LEGACY_FSW = 2,
	LEGACY_TAGS = 4,
	LEGACY_ST = 32,
	LEGACY_XMM = 160,
	XSAVE_HEADER = 512,
};

enum component { X87 = 0, SSE = 1, AVX = 2, ZMM_LOW = 6, ZMM_HIGH = 7 };

#define FCW_INITIAL 0x37fu
#define FSW_TOP	    BITS(13, 11)
#define PART_BYTES  16ul /* the size of the pieces in which registers are accessed */
#define ST_BYTES    16ul

struct part {
	enum component component;
	/*
	 * the offset in the XSAVE image at which the component begins; 0: the CPU does not have it
	 */
	u32 start;
	u32 bytes; /* the component's size in bytes */
	u32 at;
};

/* Returns which part of the XSAVE image holds bytes 16 * n to 16 * n + 15 of a vector register. */
static struct part xsave_part_of(const struct xsave_layout *layout, u32 reg, u32 n)
{
	u32 low = reg & 15;

	if (reg >= 16)
		return (struct part){ZMM_HIGH, layout->zmm_high, 1024,
				     layout->zmm_high + 64 * low + 16 * n};
	if (n == 0)
		return (struct part){SSE, LEGACY_XMM, 256, LEGACY_XMM + 16 * low};
	if (n == 1)
		return (struct part){AVX, layout->ymm, 256, layout->ymm + 16 * low};
	return (struct part){ZMM_LOW, layout->zmm_low, 512,
			     layout->zmm_low + 32 * low + 16 * (n - 2)};
}

static u64 *xsave_present(u8 *image)
{
	return (u64 *)(void *)(image + XSAVE_HEADER);
}

static bool xsave_is_present(const struct xsave_layout *layout, const u8 *image,
			     enum component component)
{
	const u64 *mask = (const void *)(image + XSAVE_HEADER);

	return layout->fxsave || (*mask >> component & 1) != 0;
}

void xsave_layout_find(struct xsave_layout *layout)
{
	static const enum component name[] = {AVX, ZMM_LOW, ZMM_HIGH};
	u32 *const at[] = {&layout->ymm, &layout->zmm_low, &layout->zmm_high};
	struct cpuid_regs regs;

	*layout = (struct xsave_layout){0};
	cpuid_host(CPUID_VERSION, 0, &regs);
	layout->fxsave = !(regs.ecx & CPUID_1_ECX_OSXSAVE);
	for (u32 i = 0; i < ARRAY_COUNT(name) && !layout->fxsave; i++) {
		cpuid_host(CPUID_XSAVE, name[i], &regs);
		*at[i] = regs.eax != 0 ? regs.ebx : 0;
	}
}

void xsave_vector_get(const struct xsave_layout *layout, const u8 *image, u32 reg,
		      u8 bytes[XSAVE_VECTOR_BYTES])
{
	memset(bytes, 0, XSAVE_VECTOR_BYTES);
	for (u32 n = 0; n < XSAVE_VECTOR_BYTES / PART_BYTES; n++) {
		struct part part = xsave_part_of(layout, reg, n);

		if (part.start != 0 && xsave_is_present(layout, image, part.component))
			memcpy(bytes + PART_BYTES * n, image + part.at, PART_BYTES);
	}
}

void xsave_vector_set(const struct xsave_layout *layout, u8 *image, u32 reg, const u8 *bytes,
		      u32 count)
{
	for (u32 n = 0; n < count / PART_BYTES; n++) {
		struct part part = xsave_part_of(layout, reg, n);

		if (part.start == 0)
			continue;
		if (!xsave_is_present(layout, image, part.component)) {
			if (is_zero(bytes + PART_BYTES * n, PART_BYTES))
				continue;
			memset(image + part.start, 0, part.bytes);
			*xsave_present(image) |= BIT(part.component);
		}
		memcpy(image + part.at, bytes + PART_BYTES * n, PART_BYTES);
	}
}

static void xsave_need_x87(const struct xsave_layout *layout, u8 *image)
{
	const u16 control = FCW_INITIAL;

	if (xsave_is_present(layout, image, X87))
		return;
	memset(image, 0, 24); /* clear the legacy region up to MXCSR */
	memset(image + LEGACY_ST, 0, LEGACY_XMM - LEGACY_ST);
	memcpy(image + LEGACY_FCW, &control, sizeof(control));
	*xsave_present(image) |= BIT(X87);
}

/* Sets TOP to 0 and all tags to valid, as every MMX instruction does: SDM vol. 1, 9.5.1. */
static void xsave_enter_mmx(const struct xsave_layout *layout, u8 *image)
{
	u16 status;

	xsave_need_x87(layout, image);
	memcpy(&status, image + LEGACY_FSW, sizeof(status));
	status &= (u16)~FSW_TOP;
	memcpy(image + LEGACY_FSW, &status, sizeof(status));
	image[LEGACY_TAGS] = 0xff;
}

/*
 * Returns where the MMX register `reg` (MMi) lies: ST(i) lies relative to the top of the stack, MMi
 * does not.
 */
static u8 *xsave_mmx_of(u8 *image, u32 reg)
{
	return image + LEGACY_ST + ST_BYTES * (reg & 7);
}

static void xsave_turn_stack(u8 *image)
{
	u8 turned[8 * ST_BYTES];
	u16 status;
	u32 top;

	memcpy(&status, image + LEGACY_FSW, sizeof(status));
	top = (u32)bits_get(status, 13, 11);
	for (u32 i = 0; i < 8; i++)
		memcpy(turned + ST_BYTES * ((top + i) & 7), image + LEGACY_ST + ST_BYTES * i,
		       ST_BYTES);
	memcpy(image + LEGACY_ST, turned, sizeof(turned));
}

static void xsave_begin_mmx(const struct xsave_layout *layout, u8 *image)
{
	if (xsave_is_present(layout, image, X87))
		xsave_turn_stack(image);
	xsave_enter_mmx(layout, image);
}

u64 xsave_mmx_get(const struct xsave_layout *layout, u8 *image, u32 reg)
{
	u64 value;

	xsave_begin_mmx(layout, image);
	memcpy(&value, xsave_mmx_of(image, reg), sizeof(value));
	return value;
}

void xsave_mmx_set(const struct xsave_layout *layout, u8 *image, u32 reg, u64 value)
{
	const u16 exponent = 0xffff;

	xsave_begin_mmx(layout, image);
	memcpy(xsave_mmx_of(image, reg), &value, sizeof(value));
	memcpy(xsave_mmx_of(image, reg) + sizeof(value), &exponent, sizeof(exponent));
}

void xsave_x87_get(const struct xsave_layout *layout, u8 *image, struct xsave_x87 *x87)
{
	xsave_need_x87(layout, image);
	memcpy(&x87->control, image + LEGACY_FCW, sizeof(x87->control));
	memcpy(&x87->status, image + LEGACY_FSW, sizeof(x87->status));
	x87->tags = image[LEGACY_TAGS];
	for (u32 i = 0; i < ARRAY_COUNT(x87->st); i++) {
		memcpy(&x87->st[i].low, xsave_mmx_of(image, i), sizeof(x87->st[i].low));
		memcpy(&x87->st[i].high, xsave_mmx_of(image, i) + 8, sizeof(x87->st[i].high));
	}
}

void xsave_x87_set(const struct xsave_layout *layout, u8 *image, const struct xsave_x87 *x87)
{
	xsave_need_x87(layout, image);
	memcpy(image + LEGACY_FCW, &x87->control, sizeof(x87->control));
	memcpy(image + LEGACY_FSW, &x87->status, sizeof(x87->status));
	image[LEGACY_TAGS] = x87->tags;
	for (u32 i = 0; i < ARRAY_COUNT(x87->st); i++) {
		memcpy(xsave_mmx_of(image, i), &x87->st[i].low, sizeof(x87->st[i].low));
		memcpy(xsave_mmx_of(image, i) + 8, &x87->st[i].high, sizeof(x87->st[i].high));
	}
}
