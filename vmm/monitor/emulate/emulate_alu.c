/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/emulate/emulate_alu.h"
#include "arch/x86_64/hw/control.h"

#define FLAGS_RESULT (RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF)
#define FLAGS_ARITHMETIC (FLAGS_RESULT | RFLAGS_CF | RFLAGS_AF | RFLAGS_OF)

static u64 mask(u32 size)
{
	return ~0ull >> (64 - 8 * size);
}

static bool bit(u64 value, u32 number)
{
	return value >> number & 1;
}

static void assign(u64 *flags, u64 flag, bool set)
{
	*flags = set ? *flags | flag : *flags & ~flag;
}

/* SDM vol. 1, 3.4.3.1; PF is the parity of the low byte. */
static void set_result_flags(u64 result, u32 size, u64 *flags)
{
	assign(flags, RFLAGS_PF, !__builtin_parity((u8)result));
	assign(flags, RFLAGS_ZF, (result & mask(size)) == 0);
	assign(flags, RFLAGS_SF, bit(result, 8 * size - 1));
}

/* `carries`: the carry, or borrow, out of each bit. */
static void set_carry_flags(u64 carries, u32 size, u64 *flags)
{
	bool out = bit(carries, 8 * size - 1);

	assign(flags, RFLAGS_CF, out);
	assign(flags, RFLAGS_AF, bit(carries, 3));
	assign(flags, RFLAGS_OF, out != bit(carries, 8 * size - 2));
}

static u64 emulate_add(u64 a, u64 b, bool carry, u32 size, u64 *flags)
{
	u64 result = a + b + carry;

	set_carry_flags((a & b) | ((a | b) & ~result), size, flags);
	set_result_flags(result, size, flags);
	return result & mask(size);
}

static u64 emulate_subtract(u64 a, u64 b, bool borrow, u32 size, u64 *flags)
{
	u64 result = a - b - borrow;

	set_carry_flags((~a & b) | ((~a | b) & result), size, flags);
	set_result_flags(result, size, flags);
	return result & mask(size);
}

static u64 logic(u64 result, u32 size, u64 *flags)
{
	*flags &= ~FLAGS_ARITHMETIC;
	set_result_flags(result, size, flags);
	return result & mask(size);
}

u64 alu_binary(enum alu_operation operation, u64 a, u64 b, u32 size, u64 *flags)
{
	bool carry = *flags & RFLAGS_CF;

	switch (operation) {
	case ALU_ADD:
		return emulate_add(a, b, false, size, flags);
	case ALU_OR:
		return logic(a | b, size, flags);
	case ALU_ADC:
		return emulate_add(a, b, carry, size, flags);
	case ALU_SBB:
		return emulate_subtract(a, b, carry, size, flags);
	case ALU_AND:
		return logic(a & b, size, flags);
	case ALU_XOR:
		return logic(a ^ b, size, flags);
	case ALU_SUB:
	case ALU_CMP:
	default:
		return emulate_subtract(a, b, false, size, flags);
	}
}

u64 alu_step(u64 a, s64 by, u32 size, u64 *flags)
{
	u64 carry = *flags & RFLAGS_CF;
	u64 result = by > 0 ? emulate_add(a, 1, false, size, flags)
			    : emulate_subtract(a, 1, false, size, flags);

	*flags = (*flags & ~RFLAGS_CF) | carry;
	return result;
}

/* One step of RCL or RCR: the carry is the bit between the ends. */
static u64 rotate_through_carry(bool left, u64 value, u32 bits, u64 *flags)
{
	u64 carry = *flags & RFLAGS_CF;

	assign(flags, RFLAGS_CF, bit(value, left ? bits - 1 : 0));
	return left ? value << 1 | carry : value >> 1 | carry << (bits - 1);
}

/* Rotations change CF and OF only; OF is defined for a count of 1 only, but always set. */
static u64 rotate(enum alu_shift operation, u64 value, u32 count, u32 size, u64 *flags)
{
	u32 bits = 8 * size;
	bool left = operation == ALU_ROL || operation == ALU_RCL;

	if (operation == ALU_RCL || operation == ALU_RCR) {
		for (; count > 0; count--)
			value = rotate_through_carry(left, value, bits, flags) & mask(size);
	} else {
		count %= bits;
		if (!left)
			count = (bits - count) % bits;
		if (count != 0)
			value = (value << count | value >> (bits - count)) & mask(size);
		assign(flags, RFLAGS_CF, bit(value, left ? 0 : bits - 1));
	}
	assign(flags, RFLAGS_OF,
	       bit(value, bits - 1) != (left ? *flags & RFLAGS_CF : bit(value, bits - 2)));
	return value;
}

static u64 shift_left(u64 value, u32 count, u32 size, u64 *flags)
{
	u32 bits = 8 * size;
	u64 result = value << count & mask(size);

	assign(flags, RFLAGS_CF, count <= bits && bit(value, bits - count));
	assign(flags, RFLAGS_OF, bit(result, bits - 1) != (*flags & RFLAGS_CF));
	return result;
}

static u64 shift_right(u64 value, u32 count, u32 size, u64 *flags)
{
	assign(flags, RFLAGS_CF, bit(value, count - 1));
	assign(flags, RFLAGS_OF, bit(value, 8 * size - 1));
	return value >> count;
}

static u64 shift_arithmetic(u64 value, u32 count, u32 size, u64 *flags)
{
	u32 unused = 64 - 8 * size;
	s64 extended = (s64)(value << unused) >> unused;

	assign(flags, RFLAGS_CF, bit((u64)extended, count - 1));
	assign(flags, RFLAGS_OF, false);
	return (u64)(extended >> count) & mask(size);
}

u64 alu_shift(enum alu_shift operation, u64 value, u32 count, u32 size, u64 *flags)
{
	value &= mask(size);
	count &= size == 8 ? 63 : 31;
	if (count == 0)
		return value;
	switch (operation) {
	case ALU_SHL:
	case ALU_SAL:
		value = shift_left(value, count, size, flags);
		break;
	case ALU_SHR:
		value = shift_right(value, count, size, flags);
		break;
	case ALU_SAR:
		value = shift_arithmetic(value, count, size, flags);
		break;
	default:
		return rotate(operation, value, count, size, flags);
	}
	set_result_flags(value, size, flags);
	return value;
}

u64 alu_shift_double(bool left, u64 value, u64 fill, u32 count, u32 size, u64 *flags)
{
	u32 bits = 8 * size;
	u64 result;

	value &= mask(size);
	fill &= mask(size);
	count &= size == 8 ? 63 : 31;
	if (count == 0)
		return value;
	if (count > bits) /* 16-bit operands: the result is undefined (SDM vol. 2, SHLD) */
		count -= bits;
	/* In two steps: the count may be all of the 64 bits. */
	if (left) {
		result = value << (count - 1) << 1 | fill >> (bits - count);
		assign(flags, RFLAGS_CF, bit(value, bits - count));
	} else {
		result = value >> (count - 1) >> 1 | fill << (bits - count);
		assign(flags, RFLAGS_CF, bit(value, count - 1));
	}
	assign(flags, RFLAGS_OF, bit(result ^ value, bits - 1));
	set_result_flags(result, size, flags);
	return result & mask(size);
}

bool alu_condition(u8 code, u64 flags)
{
	bool sign_differs = !(flags & RFLAGS_SF) != !(flags & RFLAGS_OF);
	bool holds;

	switch (code >> 1 & 7) {
	case 0:
		holds = flags & RFLAGS_OF;
		break;
	case 1:
		holds = flags & RFLAGS_CF;
		break;
	case 2:
		holds = flags & RFLAGS_ZF;
		break;
	case 3:
		holds = flags & (RFLAGS_CF | RFLAGS_ZF);
		break;
	case 4:
		holds = flags & RFLAGS_SF;
		break;
	case 5:
		holds = flags & RFLAGS_PF;
		break;
	case 6:
		holds = sign_differs;
		break;
	default:
		holds = sign_differs || flags & RFLAGS_ZF;
		break;
	}
	return holds != (code & 1);
}
