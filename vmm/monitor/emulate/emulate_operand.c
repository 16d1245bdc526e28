/* SPDX-License-Identifier: MIT */
/*
 * Finds the operands that an encoding names: registers and effective addresses. Called by all
 * instruction files of this folder; reaches memory through emulate_memory.c.
 */
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"

/*
 * Returns whether `reg` is AH, CH, DH or BH: byte registers 4 to 7 without REX (SDM vol. 2, table
 * 2-2).
 */
static bool emulate_is_high_byte(const struct emulation *emulation, u8 reg, u32 size)
{
	return size == 1 && emulation->in.rex == 0 && reg >= 4 && reg < 8;
}

u64 emulate_register(const struct emulation *emulation, u8 reg, u32 size)
{
	const u64 *gpr = emulation->page->gpr;

	if (emulate_is_high_byte(emulation, reg, size))
		return (u8)(gpr[reg - 4] >> 8);
	return gpr[reg] & emulate_mask(size);
}

void emulate_set_register(struct emulation *emulation, u8 reg, u32 size, u64 value)
{
	u64 *gpr = emulation->page->gpr;
	u64 mask = emulate_mask(size);

	if (emulate_is_high_byte(emulation, reg, size))
		gpr[reg - 4] = (gpr[reg - 4] & ~0xff00ull) | (value & 0xff) << 8;
	else if (size == 4) /* a write of 32 bits clears the upper half (SDM vol. 1, 3.4.1.1) */
		gpr[reg] = value & mask;
	else
		gpr[reg] = (gpr[reg] & ~mask) | (value & mask);
}

/*
 * Computes the effective address of the instruction's memory operand plus `distance` bytes; the sum
 * wraps at the address size.
 */
static u64 emulate_effective_address(const struct emulation *emulation, u64 distance)
{
	const struct x86_instruction *in = &emulation->in;
	const u64 *gpr = emulation->page->gpr;
	u64 address = distance + (u64)(s64)in->displacement;

	if (in->base == X86_REG_RIP)
		address += emulation->next;
	else if (in->base != X86_REG_NONE)
		address += gpr[in->base];
	if (in->index != X86_REG_NONE)
		address += gpr[in->index] << in->scale;
	return address & emulate_mask(in->address_bytes);
}

u32 emulate_segment(const struct emulation *emulation, u32 standard)
{
	u8 override = emulation->in.segment;

	return override == X86_SEGMENT_NONE ? standard : override;
}

static enum emulate_result emulate_find_operand(struct emulation *emulation, u64 offset, u32 access,
						struct emulate_operand *operand)
{
	const struct x86_instruction *in = &emulation->in;
	/* an address based on RSP or RBP is in SS by default (SDM vol. 1, table 3-5) */
	bool stack = in->base == GPR_RSP || in->base == GPR_RBP;

	operand->memory = x86_has_memory(in);
	if (!operand->memory)
		return EMULATE_DONE;
	return emulate_translate_operand(emulation,
					 emulate_segment(emulation, stack ? SEG_SS : SEG_DS),
					 offset, emulation->size, access, &operand->place);
}

enum emulate_result emulate_operand_at(struct emulation *emulation, u64 distance, u32 access,
				       struct emulate_operand *operand)
{
	return emulate_find_operand(emulation, emulate_effective_address(emulation, 0) + distance,
				    access, operand);
}

enum emulate_result emulate_bit_operand(struct emulation *emulation, u64 distance, u32 access,
					struct emulate_operand *operand)
{
	return emulate_find_operand(emulation, emulate_effective_address(emulation, distance),
				    access, operand);
}

enum emulate_result emulate_operand(struct emulation *emulation, u32 access,
				    struct emulate_operand *operand)
{
	return emulate_operand_at(emulation, 0, access, operand);
}

u64 emulate_get(const struct emulation *emulation, const struct emulate_operand *operand)
{
	if (operand->memory)
		return emulate_load(emulation, &operand->place);
	return emulate_register(emulation, emulation->in.rm, emulation->size);
}

void emulate_set(struct emulation *emulation, const struct emulate_operand *operand, u64 value)
{
	if (operand->memory)
		emulate_store(emulation, &operand->place, value);
	else
		emulate_set_register(emulation, emulation->in.rm, emulation->size, value);
}

enum emulate_result emulate_read_operand(struct emulation *emulation, u64 *value)
{
	struct emulate_operand operand;
	enum emulate_result result = emulate_operand(emulation, WALK_READ, &operand);

	if (result == EMULATE_DONE)
		*value = emulate_get(emulation, &operand);
	return result;
}

enum emulate_result emulate_write_operand(struct emulation *emulation, u64 value)
{
	struct emulate_operand operand;
	enum emulate_result result = emulate_operand(emulation, WALK_WRITE, &operand);

	if (result == EMULATE_DONE)
		emulate_set(emulation, &operand, value);
	return result;
}
