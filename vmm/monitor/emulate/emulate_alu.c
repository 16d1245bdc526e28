/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic, logic, shifts and flags on values. Called by the instruction files of this folder;
 * pure computation on its arguments.
 */
#include "vmm/monitor/emulate/emulate_alu.h"
#include "arch/x86_64/hw/control.h"

#define FLAGS_RESULT	 (RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF)
#define FLAGS_ARITHMETIC (FLAGS_RESULT | RFLAGS_CF | RFLAGS_AF | RFLAGS_OF)

static u64 alu_mask(u32 size)
{
	return ~0ull >> (64 - 8 * size);
}

static bool alu_bit(u64 value, u32 number)
{
	return value >> number & 1;
}

static void alu_assign(u64 *flags, u64 flag, bool set)
{
	*flags = set ? *flags | flag : *flags & ~flag;
}

/* Sets SF, ZF and PF from the result (SDM vol. 1, 3.4.3.1); PF is the parity of the low byte. */
static void alu_set_result_flags(u64 result, u32 size, u64 *flags)
{
	alu_assign(flags, RFLAGS_PF, !__builtin_parity((u8)result));
	alu_assign(flags, RFLAGS_ZF, (result & alu_mask(size)) == 0);
	alu_assign(flags, RFLAGS_SF, alu_bit(result, 8 * size - 1));
}

/* Sets CF, OF and AF. Each bit of `carries` is the carry, or borrow, out of that bit. */
static void alu_set_carry_flags(u64 carries, u32 size, u64 *flags)
{
	bool out = alu_bit(carries, 8 * size - 1);

	alu_assign(flags, RFLAGS_CF, out);
	alu_assign(flags, RFLAGS_AF, alu_bit(carries, 3));
	alu_assign(flags, RFLAGS_OF, out != alu_bit(carries, 8 * size - 2));
}

static u64 emulate_add(u64 a, u64 b, bool carry, u32 size, u64 *flags)
{
	u64 result = a + b + carry;

	alu_set_carry_flags((a & b) | ((a | b) & ~result), size, flags);
	alu_set_result_flags(result, size, flags);
	return result & alu_mask(size);
}

static u64 emulate_subtract(u64 a, u64 b, bool borrow, u32 size, u64 *flags)
{
	u64 result = a - b - borrow;

	alu_set_carry_flags((~a & b) | ((~a | b) & result), size, flags);
	alu_set_result_flags(result, size, flags);
	return result & alu_mask(size);
}

static u64 alu_logic(u64 result, u32 size, u64 *flags)
{
	*flags &= ~FLAGS_ARITHMETIC;
	alu_set_result_flags(result, size, flags);
	return result & alu_mask(size);
}

u64 alu_binary(enum alu_operation operation, u64 a, u64 b, u32 size, u64 *flags)
{
	bool carry = *flags & RFLAGS_CF;

	switch (operation) {
	case ALU_ADD:
		return emulate_add(a, b, false, size, flags);
	case ALU_OR:
		return alu_logic(a | b, size, flags);
	case ALU_ADC:
		return emulate_add(a, b, carry, size, flags);
	case ALU_SBB:
		return emulate_subtract(a, b, carry, size, flags);
	case ALU_AND:
		return alu_logic(a & b, size, flags);
	case ALU_XOR:
		return alu_logic(a ^ b, size, flags);
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

/* Rotates by one step of RCL or RCR: the carry is the bit between the ends. */
static u64 alu_rotate_through_carry(bool left, u64 value, u32 bits, u64 *flags)
{
	u64 carry = *flags & RFLAGS_CF;

	alu_assign(flags, RFLAGS_CF, alu_bit(value, left ? bits - 1 : 0));
	return left ? value << 1 | carry : value >> 1 | carry << (bits - 1);
}

/*
 * Executes ROL, ROR, RCL or RCR. Only CF and OF change; OF is defined for a count of 1 only, but
 * always computed.
 */
static u64 alu_rotate(enum alu_shift operation, u64 value, u32 count, u32 size, u64 *flags)
{
	u32 bits = 8 * size;
	bool left = operation == ALU_ROL || operation == ALU_RCL;

	if (operation == ALU_RCL || operation == ALU_RCR) {
		for (; count > 0; count--)
			value = alu_rotate_through_carry(left, value, bits, flags) & alu_mask(size);
	} else {
		count %= bits;
		if (!left)
			count = (bits - count) % bits;
		if (count != 0)
			value = (value << count | value >> (bits - count)) & alu_mask(size);
		alu_assign(flags, RFLAGS_CF, alu_bit(value, left ? 0 : bits - 1));
	}
	alu_assign(flags, RFLAGS_OF,
		   alu_bit(value, bits - 1) !=
			   (left ? *flags & RFLAGS_CF : alu_bit(value, bits - 2)));
	return value;
}

static u64 alu_shift_left(u64 value, u32 count, u32 size, u64 *flags)
{
	u32 bits = 8 * size;
	u64 result = value << count & alu_mask(size);

	alu_assign(flags, RFLAGS_CF, count <= bits && alu_bit(value, bits - count));
	alu_assign(flags, RFLAGS_OF, alu_bit(result, bits - 1) != (*flags & RFLAGS_CF));
	return result;
}

static u64 alu_shift_right(u64 value, u32 count, u32 size, u64 *flags)
{
	alu_assign(flags, RFLAGS_CF, alu_bit(value, count - 1));
	alu_assign(flags, RFLAGS_OF, alu_bit(value, 8 * size - 1));
	return value >> count;
}

static u64 alu_shift_arithmetic(u64 value, u32 count, u32 size, u64 *flags)
{
	u32 unused = 64 - 8 * size;
	s64 extended = (s64)(value << unused) >> unused;

	alu_assign(flags, RFLAGS_CF, alu_bit((u64)extended, count - 1));
	alu_assign(flags, RFLAGS_OF, false);
	return (u64)(extended >> count) & alu_mask(size);
}

u64 alu_shift(enum alu_shift operation, u64 value, u32 count, u32 size, u64 *flags)
{
	value &= alu_mask(size);
	count &= size == 8 ? 63 : 31;
	if (count == 0)
		return value;
	switch (operation) {
	case ALU_SHL:
	case ALU_SAL:
		value = alu_shift_left(value, count, size, flags);
		break;
	case ALU_SHR:
		value = alu_shift_right(value, count, size, flags);
		break;
	case ALU_SAR:
		value = alu_shift_arithmetic(value, count, size, flags);
		break;
	default:
		return alu_rotate(operation, value, count, size, flags);
	}
	alu_set_result_flags(value, size, flags);
	return value;
}

u64 alu_shift_double(bool left, u64 value, u64 fill, u32 count, u32 size, u64 *flags)
{
	u32 bits = 8 * size;
	u64 result;

	value &= alu_mask(size);
	fill &= alu_mask(size);
	count &= size == 8 ? 63 : 31;
	if (count == 0)
		return value;
	if (count > bits) /* the result is undefined for 16-bit operands (SDM vol. 2, SHLD) */
		count -= bits;
	/* `value` is shifted in two steps, as C does not define a shift by 64 bits. */
	if (left) {
		result = value << (count - 1) << 1 | fill >> (bits - count);
		alu_assign(flags, RFLAGS_CF, alu_bit(value, bits - count));
	} else {
		result = value >> (count - 1) >> 1 | fill << (bits - count);
		alu_assign(flags, RFLAGS_CF, alu_bit(value, count - 1));
	}
	alu_assign(flags, RFLAGS_OF, alu_bit(result ^ value, bits - 1));
	alu_set_result_flags(result, size, flags);
	return result & alu_mask(size);
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
