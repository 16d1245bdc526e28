/* SPDX-License-Identifier: MIT */
/*
 * Executes BMI1, BMI2, ADX and CRC32 with an operand in memory: SDM vol. 2. Called by emulate.c;
 * changes the emulated registers only.
 */
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"

/* The mandatory prefixes, as VEX.pp encodes them. */
enum { PP_NONE, PP_66, PP_F3, PP_F2 };

#define CRC32C_REVERSED 0x82f63b78u

static void emulate_set_selection_flags(struct emulation *em, u64 result, bool carry)
{
	u64 flags = em->page->rflags & ~(RFLAGS_CF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF);

	flags |= carry ? RFLAGS_CF : 0;
	flags |= (result & emulate_mask(em->size)) == 0 ? RFLAGS_ZF : 0;
	flags |= result >> (8 * em->size - 1) & 1 ? RFLAGS_SF : 0;
	em->page->rflags = flags;
}

/* Executes BLSR, BLSMSK or BLSI (f3), whose destination is the register in VEX.vvvv. */
static enum emulate_result emulate_lowest_bit(struct emulation *em, u64 value)
{
	u64 result;

	switch (em->in.reg & 7) {
	case 1:
		result = value & (value - 1);
		break;
	case 2:
		result = value ^ (value - 1);
		break;
	default:
		result = value & -value;
		break;
	}
	emulate_set_selection_flags(em, result, (em->in.reg & 7) == 3 ? value != 0 : value == 0);
	emulate_set_register(em, em->in.vector_register, em->size, result);
	return EMULATE_DONE;
}

static u64 emulate_low_bits(u64 value, u64 count)
{
	return count > 63 ? value : value & (BIT(count) - 1);
}

static u64 emulate_deposit(u64 value, u64 mask)
{
	u64 result = 0;

	for (; mask != 0; mask &= mask - 1, value >>= 1)
		result |= value & 1 ? mask & -mask : 0;
	return result;
}

static u64 emulate_extract(u64 value, u64 mask)
{
	u64 result = 0;

	for (u64 bit = 1; mask != 0; mask &= mask - 1, bit <<= 1)
		result |= value & mask & -mask ? bit : 0;
	return result;
}

/* Executes BZHI, PEXT or PDEP (f5). */
static enum emulate_result emulate_select_bits(struct emulation *em, u64 value, u64 other)
{
	u64 result;

	switch (em->in.vector_prefix) {
	case PP_NONE:
		result = emulate_low_bits(value, (u8)other);
		emulate_set_selection_flags(em, result, (u8)other > 8 * em->size - 1);
		break;
	case PP_F3:
		result = emulate_extract(other, value);
		break;
	default:
		result = emulate_deposit(other, value);
		break;
	}
	emulate_set_register(em, em->in.reg, em->size, result);
	return EMULATE_DONE;
}

/* Executes BEXTR, SHLX, SARX or SHRX (f7). */
static enum emulate_result emulate_shift_bits(struct emulation *em, u64 value, u64 other)
{
	u32 count = (u32)other & (8 * em->size - 1);
	u32 unused = 64 - 8 * em->size;
	u64 result;

	switch (em->in.vector_prefix) {
	case PP_NONE:
		result = (u8)other > 63 ? 0
					: emulate_low_bits(value >> (u8)other, other >> 8 & 0xff);
		emulate_set_selection_flags(em, result, false);
		break;
	case PP_66:
		result = value << count;
		break;
	case PP_F3:
		result = (u64)((s64)(value << unused) >> unused >> count);
		break;
	default:
		result = value >> count;
		break;
	}
	emulate_set_register(em, em->in.reg, em->size, result);
	return EMULATE_DONE;
}

/*
 * Executes MULX (f6 with F2). If both destinations are the same register, it gets the upper half.
 */
static void emulate_multiply_without_flags(struct emulation *em, u64 value)
{
	unsigned __int128 product =
		(unsigned __int128)emulate_register(em, GPR_RDX, em->size) * value;

	emulate_set_register(em, em->in.vector_register, em->size, (u64)product);
	emulate_set_register(em, em->in.reg, em->size, (u64)(product >> (8 * em->size)));
}

static bool emulate_is_vex_form(const struct x86_instruction *in)
{
	if (in->map == X86_MAP_0F3A)
		/* opcode f0 with the prefix F2 is RORX */
		return in->opcode == 0xf0 && in->vector_prefix == PP_F2;
	if (in->map != X86_MAP_0F38)
		return false;
	switch (in->opcode) {
	case 0xf2:
	case 0xf3:
		return in->vector_prefix == PP_NONE;
	case 0xf5:
		return in->vector_prefix != PP_66;
	case 0xf6:
		return in->vector_prefix == PP_F2;
	default:
		return in->opcode == 0xf7;
	}
}

enum emulate_result emulate_bits(struct emulation *em)
{
	enum emulate_result result;
	u64 other;
	u64 value;

	if (!emulate_is_vex_form(&em->in) || !x86_has_memory(&em->in) || em->in.vector_length != 0)
		return EMULATE_UNSUPPORTED;
	if (em->in.opcode == 0xf3 && ((em->in.reg & 7) == 0 || (em->in.reg & 7) > 3))
		return EMULATE_UNSUPPORTED;
	em->size = emulate_size_by_w(em);
	other = emulate_register(em, em->in.vector_register, em->size);
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	switch (em->in.opcode) {
	case 0xf0:
		other = em->in.immediate & (8 * em->size - 1);
		value = other == 0 ? value : value >> other | value << (8ul * em->size - other);
		emulate_set_register(em, em->in.reg, em->size, value);
		return EMULATE_DONE;
	case 0xf2: /* opcode f2 is ANDN */
		value &= ~other;
		emulate_set_selection_flags(em, value, false);
		emulate_set_register(em, em->in.reg, em->size, value);
		return EMULATE_DONE;
	case 0xf3:
		return emulate_lowest_bit(em, value);
	case 0xf5:
		return emulate_select_bits(em, value, other);
	case 0xf6:
		emulate_multiply_without_flags(em, value);
		return EMULATE_DONE;
	default:
		return emulate_shift_bits(em, value, other);
	}
}

/* Executes CRC32 (0f 38 f0 and f1 with F2). */
enum emulate_result emulate_crc32(struct emulation *em)
{
	u32 sum = (u32)em->page->gpr[em->in.reg];
	enum emulate_result result;
	u64 value;

	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	for (u32 i = 0; i < em->size; i++) {
		sum ^= (u8)(value >> (8 * i));
		for (u32 bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? CRC32C_REVERSED : 0);
	}
	em->page->gpr[em->in.reg] = sum;
	return EMULATE_DONE;
}

/* Executes ADCX (0f 38 f6 with 66) or ADOX (with F3). */
enum emulate_result emulate_add_carry(struct emulation *em)
{
	u64 flag = em->in.prefixes & X86_PREFIX_REP ? RFLAGS_OF : RFLAGS_CF;
	enum emulate_result result;
	unsigned __int128 sum;
	u64 value;

	em->size = emulate_size_by_w(em);
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	sum = (unsigned __int128)emulate_register(em, em->in.reg, em->size) + value +
	      (em->page->rflags & flag ? 1 : 0);
	em->page->rflags &= ~flag;
	em->page->rflags |= sum >> (8 * em->size) ? flag : 0;
	emulate_set_register(em, em->in.reg, em->size, (u64)sum);
	return EMULATE_DONE;
}
