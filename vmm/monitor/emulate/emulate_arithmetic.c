/* SPDX-License-Identifier: MIT */
/*
 * Executes multiplication, division, bit scans and counts with an operand in memory. Called by
 * emulate_execute.c and emulate_0f.c; changes the emulated registers only.
 */
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"

static void emulate_set_flags(struct emulation *em, u64 flag, bool set)
{
	em->page->rflags = (em->page->rflags & ~flag) | (set ? flag : 0);
}

static s64 emulate_signed_value(u64 value, u32 size)
{
	u32 unused = 64 - 8 * size;

	return (s64)(value << unused) >> unused;
}

/* Returns the accumulator of double width: AX, or RDX and RAX as its halves. */
static unsigned __int128 emulate_get_accumulator(const struct emulation *em)
{
	if (em->size == 1)
		return emulate_register(em, GPR_RAX, 2);
	return (unsigned __int128)emulate_register(em, GPR_RDX, em->size) << (8 * em->size) |
	       emulate_register(em, GPR_RAX, em->size);
}

/* Sets both halves of the double-width accumulator; with a size of 1 they are AL and AH. */
static void emulate_set_accumulator(struct emulation *em, u64 low, u64 high)
{
	if (em->size == 1) {
		emulate_set_register(em, GPR_RAX, 2, (low & 0xff) | high << 8);
		return;
	}
	emulate_set_register(em, GPR_RAX, em->size, low);
	emulate_set_register(em, GPR_RDX, em->size, high);
}

/* Executes MUL or IMUL: CF and OF say whether the upper half is significant (SDM vol. 2). */
static void emulate_multiply(struct emulation *em, u64 value, bool is_signed)
{
	u64 factor = emulate_register(em, GPR_RAX, em->size);
	unsigned __int128 product =
		is_signed ? (unsigned __int128)((__int128)emulate_signed_value(factor, em->size) *
						emulate_signed_value(value, em->size))
			  : (unsigned __int128)factor * value;
	u64 low = (u64)product & emulate_mask(em->size);
	u64 high = (u64)(product >> (8 * em->size)) & emulate_mask(em->size);
	u64 extension =
		is_signed && emulate_signed_value(low, em->size) < 0 ? emulate_mask(em->size) : 0;

	emulate_set_accumulator(em, low, high);
	emulate_set_flags(em, RFLAGS_CF | RFLAGS_OF, high != extension);
}

/*
 * Divides high:low by the divisor, 64 bits each, as the compiler's 128-bit division needs a
 * library. The quotient fits if high < divisor, which the caller ensures.
 */
static u64 emulate_divide_wide(u64 high, u64 low, u64 divisor, u64 *remainder)
{
	u64 quotient;

	__asm__("divq %4" : "=a"(quotient), "=d"(*remainder) : "0"(low), "1"(high), "rm"(divisor));
	return quotient;
}

/* Executes DIV or IDIV, which raise #DE when the quotient does not fit (SDM vol. 2). */
static enum emulate_result emulate_divide(struct emulation *em, u64 divisor, bool is_signed)
{
	u32 bits = 8 * em->size;
	unsigned __int128 dividend = emulate_get_accumulator(em);
	bool negative = is_signed && dividend >> (2 * bits - 1) & 1;
	bool opposite = negative;
	u64 quotient;
	u64 remainder;
	u64 limit;

	if (negative)
		dividend = -dividend & (~(unsigned __int128)0 >> (128 - 2 * bits));
	if (is_signed && emulate_signed_value(divisor, em->size) < 0) {
		divisor = -divisor & emulate_mask(em->size);
		opposite = !negative;
	}
	if (dividend >> bits >= divisor)
		return emulate_fault(em, VECTOR_DE);
	quotient = emulate_divide_wide((u64)(dividend >> 64), (u64)dividend, divisor, &remainder);
	limit = is_signed ? BIT(bits - 1) - !opposite : emulate_mask(em->size);
	if (quotient > limit)
		return emulate_fault(em, VECTOR_DE);
	emulate_set_accumulator(em, opposite ? -quotient : quotient,
				negative ? -remainder : remainder);
	return EMULATE_DONE;
}

enum emulate_result emulate_multiply_divide(struct emulation *em)
{
	u8 operation = em->in.reg & 7;
	u64 value;
	enum emulate_result result = emulate_read_operand(em, &value);

	if (result != EMULATE_DONE)
		return result;
	if (operation >= 6)
		return emulate_divide(em, value, operation == 7);
	emulate_multiply(em, value, operation == 5);
	return EMULATE_DONE;
}

enum emulate_result emulate_multiply_register(struct emulation *em, const u64 *immediate)
{
	enum emulate_result result;
	__int128 product;
	u64 value;

	em->size = em->in.operand_bytes;
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	product = (__int128)emulate_signed_value(value, em->size) *
		  emulate_signed_value(immediate ? *immediate
						 : emulate_register(em, em->in.reg, em->size),
				       em->size);
	emulate_set_register(em, em->in.reg, em->size, (u64)product);
	emulate_set_flags(em, RFLAGS_CF | RFLAGS_OF,
			  product != emulate_signed_value((u64)product, em->size));
	return EMULATE_DONE;
}

/*
 * Executes BSF or BSR, or with `count` TZCNT or LZCNT. BSF and BSR leave the register alone when no
 * bit is set; TZCNT and LZCNT give the operand's size.
 */
static void emulate_arithmetic_scan(struct emulation *em, u64 value, bool count)
{
	u32 bits = 8 * em->size;
	bool reverse = em->in.opcode & 1;
	u64 found = bits;

	if (value != 0) {
		found = reverse ? bit_highest(value) : bit_lowest(value);
		if (reverse && count)
			found = bits - 1 - found;
	}
	if (count) {
		emulate_set_flags(em, RFLAGS_CF, value == 0);
		emulate_set_flags(em, RFLAGS_ZF, found == 0);
	} else {
		emulate_set_flags(em, RFLAGS_ZF, value == 0);
		if (value == 0)
			return;
	}
	emulate_set_register(em, em->in.reg, em->size, found);
}

static u64 emulate_count_bits(u64 value)
{
	u64 count = 0;

	for (; value != 0; value &= value - 1)
		count++;
	return count;
}

enum emulate_result emulate_scan(struct emulation *em)
{
	bool repeat = em->in.prefixes & X86_PREFIX_REP;
	enum emulate_result result;
	u64 value;

	em->size = em->in.operand_bytes;
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	if (em->in.opcode != 0xb8) {
		emulate_arithmetic_scan(em, value, repeat);
		return EMULATE_DONE;
	}
	emulate_set_flags(em, RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_CF | RFLAGS_PF, false);
	emulate_set_flags(em, RFLAGS_ZF, value == 0);
	emulate_set_register(em, em->in.reg, em->size, emulate_count_bits(value));
	return EMULATE_DONE;
}
