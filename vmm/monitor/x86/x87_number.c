/* SPDX-License-Identifier: MIT */
/*
 * Converts between x87 extended numbers, integers and IEEE formats. Called by emulate_x87.c; pure
 * computation.
 */
#include "vmm/monitor/x86/x87_number.h"

#define SIGN	     0x8000u
#define EXPONENT_MAX 0x7fffu
#define BIAS	     16383
#define INTEGER_BIT  BIT(63)
#define QUIET_BIT    BIT(62)

/* The formats of real numbers of 4 and 8 bytes. */
struct real_format {
	u32 fraction; /* the number of bits of the fraction */
	u32 exponent; /* the number of bits of the exponent */
	s32 bias;
};

static struct real_format x87_format_of(u32 bytes)
{
	return bytes == 4 ? (struct real_format){23, 8, 127} : (struct real_format){52, 11, 1023};
}

static bool x87_is_negative(struct x87_bits value)
{
	return value.high & SIGN;
}

/* Returns whether the number has a format that the x87 no longer supports: SDM vol. 1, 8.2.2. */
static bool x87_is_unsupported(struct x87_bits value)
{
	return (value.high & EXPONENT_MAX) != 0 && !(value.low & INTEGER_BIT);
}

/* Returns whether the value is an infinity, or no number (NaN). */
static bool x87_is_special(struct x87_bits value)
{
	return (value.high & EXPONENT_MAX) == EXPONENT_MAX;
}

/*
 * Returns the exponent of a finite number, and sets *mantissa to its mantissa with the highest bit
 * at 63.
 */
static s32 x87_normalise(struct x87_bits value, u64 *mantissa)
{
	u32 zeros = value.low == 0 ? 0 : (u32)__builtin_clzll(value.low);

	*mantissa = value.low << zeros;
	return MAX((s32)(value.high & EXPONENT_MAX), 1) - BIAS - (s32)zeros;
}

struct x87_bits x87_from_integer(u64 value, u32 bytes)
{
	u32 unused = 64 - 8 * bytes;
	s64 number = (s64)(value << unused) >> unused;
	u64 mantissa = number < 0 ? -(u64)number : (u64)number;
	u32 zeros;

	if (mantissa == 0)
		return (struct x87_bits){0};
	zeros = (u32)__builtin_clzll(mantissa);
	return (struct x87_bits){mantissa << zeros,
				 (u16)((number < 0 ? SIGN : 0) | (BIAS + 63 - zeros))};
}

struct x87_bits x87_from_real(u64 value, u32 bytes, u32 *exceptions)
{
	struct real_format format = x87_format_of(bytes);
	u64 exponent = value >> format.fraction & (BIT(format.exponent) - 1);
	u64 mantissa = value << (63 - format.fraction) & ~INTEGER_BIT;
	u16 sign = value >> (8 * bytes - 1) & 1 ? SIGN : 0;
	u32 zeros;

	if (exponent == BIT(format.exponent) - 1) {
		if (mantissa != 0 && !(mantissa & QUIET_BIT)) {
			*exceptions |= X87_IE;
			mantissa |= QUIET_BIT;
		}
		return (struct x87_bits){mantissa | INTEGER_BIT, sign | EXPONENT_MAX};
	}
	if (exponent != 0)
		return (struct x87_bits){mantissa | INTEGER_BIT,
					 (u16)(sign | (u16)((s32)exponent - format.bias + BIAS))};
	if (mantissa == 0)
		return (struct x87_bits){0, sign};
	*exceptions |= X87_DE;
	zeros = (u32)__builtin_clzll(mantissa);
	return (struct x87_bits){mantissa << zeros,
				 (u16)(sign | (u16)(1 - format.bias - (s32)zeros + BIAS))};
}

/*
 * Returns mantissa / 2^shift, rounded by the rounding control. An inexact result raises PE, and C1
 * when the magnitude has grown.
 */
static u64 x87_shift_rounded(u64 mantissa, u32 shift, bool negative, struct x87_rounding *rounding)
{
	u64 kept = shift > 63 ? 0 : mantissa >> shift;
	u64 rest = shift > 63 ? mantissa : mantissa & (BIT(shift) - 1);
	u64 half = shift == 0 || shift > 64 ? 0 : BIT(shift - 1);
	bool up;

	rounding->up = false;
	if (rest == 0)
		return kept;
	rounding->exceptions |= X87_PE;
	switch (rounding->control >> 10 & 3) {
	case 0: /* rounds to nearest, ties to even */
		up = shift <= 64 && (rest > half || (rest == half && (kept & 1)));
		break;
	case 1:
		up = negative;
		break;
	case 2:
		up = !negative;
		break;
	default:
		up = false;
		break;
	}
	rounding->up = up;
	return kept + up;
}

u64 x87_to_integer(struct x87_bits value, u32 bytes, struct x87_rounding *rounding)
{
	u64 indefinite = BIT(8 * bytes - 1);
	bool negative = x87_is_negative(value);
	u64 number = ~0ull;
	u64 mantissa;
	s32 exponent;

	if (!x87_is_unsupported(value) && !x87_is_special(value)) {
		exponent = x87_normalise(value, &mantissa);
		if (mantissa == 0)
			return 0;
		if (exponent < 64)
			number = x87_shift_rounded(mantissa, (u32)MIN(63 - exponent, 65), negative,
						   rounding);
	}
	if (number > indefinite - !negative) {
		rounding->exceptions = X87_IE;
		rounding->up = false;
		return indefinite;
	}
	return negative ? -number : number;
}

static u64 x87_special_to_real(struct x87_bits value, struct real_format format,
			       struct x87_rounding *rounding)
{
	u64 mantissa = value.low;

	if ((mantissa & ~INTEGER_BIT) != 0 && !(mantissa & QUIET_BIT)) {
		rounding->exceptions |= X87_IE;
		mantissa |= QUIET_BIT;
	}
	return (BIT(format.exponent) - 1) << format.fraction |
	       (mantissa & ~INTEGER_BIT) >> (63 - format.fraction);
}

static u64 x87_overflow(struct real_format format, bool negative, struct x87_rounding *rounding)
{
	u64 infinity = (BIT(format.exponent) - 1) << format.fraction;
	u32 direction = rounding->control >> 10 & 3;

	rounding->exceptions = X87_OE;
	rounding->up = false;
	/* the overflow exception is not masked: nothing is stored */
	if (!(rounding->control & X87_OE))
		return 0;
	rounding->exceptions |= X87_PE;
	rounding->up = direction == 0 || direction == (negative ? 1 : 2);
	return rounding->up ? infinity : infinity - 1;
}

static u64 x87_finite_to_real(u64 mantissa, s32 exponent, struct real_format format, bool negative,
			      struct x87_rounding *rounding)
{
	struct x87_rounding unbounded = *rounding;
	s32 least = 1 - format.bias;
	u32 shift = 63 - format.fraction;
	u64 normal = x87_shift_rounded(mantissa, shift, negative, &unbounded);
	bool carries = normal >> (format.fraction + 1);
	/* the value is tiny after rounding: SDM vol. 1, 4.9.1.5 */
	bool tiny = exponent + carries < least;
	u64 kept;

	if (exponent + carries > format.bias)
		return x87_overflow(format, negative, rounding);
	if (exponent >= least) {
		*rounding = unbounded;
		return ((u64)(exponent - least) << format.fraction) + normal;
	}
	kept = x87_shift_rounded(mantissa, (u32)MIN((s32)shift + least - exponent, 65), negative,
				 rounding);
	/* the underflow is not masked, so that nothing is stored */
	if (tiny && !(rounding->control & X87_UE)) {
		rounding->exceptions = X87_UE;
		rounding->up = false;
	} else if (tiny && rounding->exceptions & X87_PE) {
		rounding->exceptions |= X87_UE;
	}
	return kept;
}

u64 x87_to_real(struct x87_bits value, u32 bytes, struct x87_rounding *rounding)
{
	struct real_format format = x87_format_of(bytes);
	bool negative = x87_is_negative(value);
	u64 sign = (u64)negative << (8 * bytes - 1);
	u64 mantissa;
	s32 exponent;

	if (x87_is_unsupported(value)) {
		rounding->exceptions |= X87_IE;
		return x87_real_indefinite(bytes).low;
	}
	if (x87_is_special(value))
		return sign | x87_special_to_real(value, format, rounding);
	exponent = x87_normalise(value, &mantissa);
	if (mantissa == 0)
		return sign;
	return sign | x87_finite_to_real(mantissa, exponent, format, negative, rounding);
}

struct x87_bits x87_integer_indefinite(u32 bytes)
{
	return (struct x87_bits){.low = BIT(8 * bytes - 1)};
}

struct x87_bits x87_real_indefinite(u32 bytes)
{
	if (bytes == 10)
		return X87_INDEFINITE;
	return (struct x87_bits){.low = bytes == 4 ? 0xffc00000 : 0xfff8000000000000};
}
