/* SPDX-License-Identifier: MIT */
#pragma once

/* XSAVE images for the emulator and the CPU: made from the input, and compared afterwards. */
#include "tests/fuzz/native.h"
#include "tests/random.h"

static u8 image[NATIVE_IMAGE_BYTES] ALIGNED(64);

static u8 *image_get(void *device)
{
	(void)device;
	return image;
}

/* Numbers near every limit of the smaller formats; sometimes a NaN or an unsupported encoding. */
static void image_put_real(u64 *state, u8 *at)
{
	static const s32 near[] = {0,	 15,   31,    63,    127,   -127,
				   -149, 1023, -1023, -1075, 16383, -16383};
	s32 exponent = near[random_step(state) % ARRAY_COUNT(near)] + (s32)(*state >> 8 & 3) - 2;
	u16 high = (u16)(((u32)(exponent + 16383) & 0x7fff) | (*state >> 16 & 0x8000));
	u64 low = random_step(state) << (*state >> 8 & 63);

	low = *state >> 16 & 3 ? low : ~0ull << (*state >> 24 & 63);
	low |= *state >> 32 & 7 ? BIT(63) : 0;
	if ((*state >> 40 & 15) == 0)
		low = high = 0;
	memcpy(at, &low, sizeof(low));
	memcpy(at + 8, &high, sizeof(high));
}

/* Exceptions may be unmasked, but none is pending: with one the CPU would not get this far. */
static void image_build(struct fuzz *fuzz)
{
	const u32 mxcsr = 0x1f80;
	u64 has = fuzz_u8(fuzz) & native_components;
	u16 control = (u16)(0x340 | (fuzz_u16(fuzz) & 0xc3f));
	u16 status = fuzz_u16(fuzz) & (u16)(0x7f40 | (control & 0x3f));
	u8 tags = fuzz_u8(fuzz);
	u64 state = fuzz_u16(fuzz) * 0x9e3779b97f4a7c15ull + 1;

	for (u32 i = XSAVE_HEADER + 64; i < sizeof(image); i += 8)
		memcpy(image + i, (u64[]){random_step(&state)}, 8);
	for (u32 i = LEGACY_XMM; i < LEGACY_XMM + 256; i += 8)
		memcpy(image + i, (u64[]){random_step(&state)}, 8);
	for (u32 i = 0; i < 8; i++)
		image_put_real(&state, image + LEGACY_ST + ST_BYTES * i);
	memcpy(image + LEGACY_FCW, &control, sizeof(control));
	memcpy(image + LEGACY_FSW, &status, sizeof(status));
	image[LEGACY_TAGS] = tags;
	memcpy(image + 24, &mxcsr, sizeof(mxcsr));
	memcpy(image + XSAVE_HEADER, &has, sizeof(has));
}

/*
 * Returns whether both images have the same registers, apart from the x87's last instruction and
 * operand.
 */
static bool image_equal(u8 *other)
{
	struct xsave_x87 x87[2];
	u8 ours[XSAVE_VECTOR_BYTES];
	u8 theirs[XSAVE_VECTOR_BYTES];

	for (u32 reg = 0; reg < 32; reg++) {
		xsave_vector_get(&native_layout, image, reg, ours);
		xsave_vector_get(&native_layout, other, reg, theirs);
		if (memcmp(ours, theirs, sizeof(ours)) != 0) {
			fprintf(stderr, "vector register %u\n", reg);
			return false;
		}
	}
	memset(x87, 0, sizeof(x87));
	xsave_x87_get(&native_layout, image, &x87[0]);
	xsave_x87_get(&native_layout, other, &x87[1]);
	for (u32 i = 0; i < 8; i++)
		if (x87[0].st[i].low != x87[1].st[i].low || x87[0].st[i].high != x87[1].st[i].high)
			fprintf(stderr, "ST%u: %04x %016lx, CPU %04x %016lx\n", i,
				x87[0].st[i].high, x87[0].st[i].low, x87[1].st[i].high,
				x87[1].st[i].low);
	if (memcmp(&x87[0], &x87[1], sizeof(x87[0])) == 0)
		return true;
	fprintf(stderr, "x87 control, status, tags: %x %x %x, CPU %x %x %x\n", x87[0].control,
		x87[0].status, x87[0].tags, x87[1].control, x87[1].status, x87[1].tags);
	return false;
}
