/* SPDX-License-Identifier: MIT */
/*
 * Decodes plain moves, by which guests mostly reach devices (moves.h). Called by exits_memory.c
 * through moves_find; writes only the cache of decoded moves.
 */
#include "vmm/monitor/emulate/moves.h"

/*
 * Returns whether `reg` is one of AH to BH: byte registers 4 to 7 without REX. Moves with them are
 * rare, and left to the emulator.
 */
static bool moves_is_high(const struct x86_instruction *in, u32 bytes)
{
	return bytes == 1 && in->rex == 0 && in->reg >= 4 && in->reg < 8;
}

/*
 * Fills in *move from an instruction that is a plain move: 88 to 8b, a0 to a3, c6 and c7 /0; 0f b6,
 * b7, be, bf (SDM vol. 2). Returns false for all others.
 */
static bool moves_take(const struct x86_instruction *in, struct move *move)
{
	u8 operand = in->opcode & 1 ? in->operand_bytes : 1;

	move->reg = in->reg;
	move->bytes = operand;
	move->result_bytes = operand;
	if (in->map == X86_MAP_0F) {
		move->bytes = in->opcode & 1 ? 2 : 1;
		move->result_bytes = in->operand_bytes;
		move->sign = in->opcode & 8;
		return (in->opcode & 0xf6) == 0xb6 && x86_has_memory(in);
	}
	if (in->map != X86_MAP_PRIMARY)
		return false;
	if ((in->opcode & 0xfc) == 0xa0) {
		move->store = in->opcode & 2;
		move->reg = GPR_RAX;
		move->displacement = in->immediate;
		return true;
	}
	if (!x86_has_memory(in))
		return false;
	if ((in->opcode & 0xfe) == 0xc6) {
		move->store = true;
		move->reg = X86_REG_NONE;
		return (in->reg & 7) == 0;
	}
	move->store = !(in->opcode & 2);
	return (in->opcode & 0xfc) == 0x88 && !moves_is_high(in, operand);
}

void moves_decode(struct move *move, const struct vcpu_page *page)
{
	struct x86_instruction in;

	move->rip = page->rip;
	__builtin_memcpy(move->code, page->code, sizeof(move->code));
	move->length = 0;
	move->store = false;
	move->sign = false;
	if (x86_decode(page->code, X86_LENGTH_MAX, X86_MODE_64, &in) != X86_OK ||
	    in.encoding != X86_LEGACY || in.address_bytes != 8 || in.segment != X86_SEGMENT_NONE ||
	    in.prefixes & ~X86_PREFIX_OPERAND)
		return;
	move->displacement = (u64)(s64)in.displacement;
	if (!moves_take(&in, move))
		return;
	move->immediate = in.immediate;
	move->base = in.base;
	move->index = in.index;
	move->scale = in.scale;
	move->length = in.length;
}
