/* SPDX-License-Identifier: MIT */
/*
 * Executes instructions of the primary opcode map. Called by emulate.c; reaches memory through
 * emulate_memory.c and changes the emulated registers.
 */
#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/emulate/emulate_alu.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/canonical.h"

/*
 * Executes the binary operations 00 to 3b, in which bit 1 of the opcode says whether the register
 * is the destination. CMP writes nothing.
 */
static enum emulate_result emulate_binary(struct emulation *em)
{
	enum alu_operation operation = em->in.opcode >> 3 & 7;
	bool to_register = em->in.opcode & 2;
	bool writes = !to_register && operation != ALU_CMP;
	struct emulate_operand operand;
	enum emulate_result result;
	u64 reg = emulate_register(em, em->in.reg, em->size);
	u64 value;

	result = emulate_operand(em, writes ? WALK_WRITE : WALK_READ, &operand);
	if (result != EMULATE_DONE)
		return result;
	value = emulate_get(em, &operand);
	value = to_register ? alu_binary(operation, reg, value, em->size, &em->page->rflags)
			    : alu_binary(operation, value, reg, em->size, &em->page->rflags);
	if (writes)
		emulate_set(em, &operand, value);
	else if (operation != ALU_CMP)
		emulate_set_register(em, em->in.reg, em->size, value);
	return EMULATE_DONE;
}

/* Executes group 1 (opcodes 80 to 83), and TEST, which is AND without a result. */
static enum emulate_result emulate_binary_with(struct emulation *em, enum alu_operation operation,
					       u64 right, bool writes)
{
	struct emulate_operand operand;
	enum emulate_result result;
	u64 value;

	result = emulate_operand(em, writes ? WALK_WRITE : WALK_READ, &operand);
	if (result != EMULATE_DONE)
		return result;
	value = alu_binary(operation, emulate_get(em, &operand), right, em->size,
			   &em->page->rflags);
	if (writes)
		emulate_set(em, &operand, value);
	return EMULATE_DONE;
}

/*
 * Executes XCHG (86, 87). It is locked with or without LOCK; to a device that makes no difference.
 */
static enum emulate_result emulate_exchange(struct emulation *em)
{
	struct emulate_operand operand;
	enum emulate_result result;
	u64 value = emulate_register(em, em->in.reg, em->size);

	result = emulate_operand(em, WALK_WRITE, &operand);
	if (result != EMULATE_DONE)
		return result;
	emulate_set_register(em, em->in.reg, em->size, emulate_get(em, &operand));
	emulate_set(em, &operand, value);
	return EMULATE_DONE;
}

/*
 * Executes MOV to a register (8a, 8b) and MOVSXD (63): reads `size` bytes and writes them
 * sign-extended as `to` bytes.
 */
static enum emulate_result emulate_load_signed(struct emulation *em, u32 to)
{
	u32 unused = 64 - 8 * em->size;
	u64 value;
	enum emulate_result result = emulate_read_operand(em, &value);

	if (result == EMULATE_DONE)
		emulate_set_register(em, em->in.reg, to, (u64)((s64)(value << unused) >> unused));
	return result;
}

/*
 * Executes MOV from a segment register (8c): writes two bytes to memory, or the operand size to a
 * register.
 */
static enum emulate_result emulate_store_segment(struct emulation *em)
{
	if ((em->in.reg & 7) > SEG_GS)
		return emulate_fault(em, VECTOR_UD);
	em->size = x86_has_memory(&em->in) ? 2 : em->in.operand_bytes;
	return emulate_write_operand(em, em->page->segment[em->in.reg & 7].selector);
}

/*
 * Executes MOV between the accumulator and memory (a0 to a3), where the immediate is the address.
 */
static enum emulate_result emulate_move_offset(struct emulation *em)
{
	bool writes = em->in.opcode & 2;
	struct emulate_place place;
	enum emulate_result result;

	result = emulate_translate_operand(em, emulate_segment(em, SEG_DS), em->in.immediate,
					   em->size, writes ? WALK_WRITE : WALK_READ, &place);
	if (result != EMULATE_DONE)
		return result;
	if (writes)
		emulate_store(em, &place, em->page->gpr[GPR_RAX]);
	else
		emulate_set_register(em, GPR_RAX, em->size, emulate_load(em, &place));
	return EMULATE_DONE;
}

/* Executes XLAT (d7). */
static enum emulate_result emulate_translate_byte(struct emulation *em)
{
	u64 offset = em->page->gpr[GPR_RBX] + (u8)em->page->gpr[GPR_RAX];
	struct emulate_place place;
	enum emulate_result result;

	result = emulate_translate_operand(em, emulate_segment(em, SEG_DS),
					   offset & emulate_mask(em->in.address_bytes), 1,
					   WALK_READ, &place);
	if (result == EMULATE_DONE)
		emulate_set_register(em, GPR_RAX, 1, emulate_load(em, &place));
	return result;
}

static enum emulate_result emulate_shift(struct emulation *em, u32 count)
{
	struct emulate_operand operand;
	enum emulate_result result = emulate_operand(em, WALK_WRITE, &operand);

	if (result == EMULATE_DONE)
		emulate_set(em, &operand,
			    alu_shift(em->in.reg & 7, emulate_get(em, &operand), count, em->size,
				      &em->page->rflags));
	return result;
}

/* The unary operations. */
enum unary { UNARY_NOT, UNARY_NEG, UNARY_INC, UNARY_DEC };

static enum emulate_result emulate_unary(struct emulation *em, enum unary operation)
{
	struct emulate_operand operand;
	enum emulate_result result = emulate_operand(em, WALK_WRITE, &operand);
	u64 *flags = &em->page->rflags;
	u64 value;

	if (result != EMULATE_DONE)
		return result;
	value = emulate_get(em, &operand);
	switch (operation) {
	case UNARY_NOT:
		value = ~value;
		break;
	case UNARY_NEG:
		value = alu_binary(ALU_SUB, 0, value, em->size, flags);
		break;
	case UNARY_INC:
		value = alu_step(value, 1, em->size, flags);
		break;
	case UNARY_DEC:
		value = alu_step(value, -1, em->size, flags);
		break;
	}
	emulate_set(em, &operand, value);
	return EMULATE_DONE;
}

/* Returns the operand size of pushes and pops: SDM vol. 1, 6.2.2. */
u32 emulate_stack_operand(const struct emulation *em)
{
	if (em->mode == X86_MODE_64)
		return em->in.prefixes & X86_PREFIX_OPERAND && !(em->in.rex & 8) ? 2 : 8;
	return em->in.operand_bytes;
}

u32 emulate_stack_width(const struct emulation *em)
{
	if (em->mode == X86_MODE_64)
		return 8;
	return em->page->segment[SEG_SS].access & SEGMENT_DB ? 4 : 2;
}

enum emulate_result emulate_push_place(struct emulation *em, struct emulate_place *place,
				       u64 *stack)
{
	u32 width = emulate_stack_width(em);

	*stack = (em->page->gpr[GPR_RSP] - em->size) & emulate_mask(width);
	return emulate_translate(em, SEG_SS, *stack, em->size, WALK_WRITE, place);
}

enum emulate_result emulate_pop_place(struct emulation *em, struct emulate_place *place, u64 *stack)
{
	u64 before = em->page->gpr[GPR_RSP];

	*stack = before + em->size;
	return emulate_translate(em, SEG_SS, before & emulate_mask(emulate_stack_width(em)),
				 em->size, WALK_READ, place);
}

/* Sets the stack pointer. With a width of 2 bytes the rest of RSP keeps its value. */
void emulate_set_stack(struct emulation *em, u64 stack)
{
	emulate_set_register(em, GPR_RSP, emulate_stack_width(em), stack);
}

static enum emulate_result emulate_push(struct emulation *em)
{
	struct emulate_operand operand;
	struct emulate_place place;
	enum emulate_result result;
	u64 stack;

	em->size = emulate_stack_operand(em);
	result = emulate_operand(em, WALK_READ, &operand);
	if (result != EMULATE_DONE)
		return result;
	result = emulate_push_place(em, &place, &stack);
	if (result != EMULATE_DONE)
		return result;
	emulate_store(em, &place, emulate_get(em, &operand));
	emulate_set_stack(em, stack);
	return EMULATE_DONE;
}

/*
 * Executes POP to memory: an address based on RSP is computed after RSP has moved (SDM vol. 2,
 * POP).
 */
static enum emulate_result emulate_pop(struct emulation *em)
{
	u64 before = em->page->gpr[GPR_RSP];
	struct emulate_operand operand;
	struct emulate_place place;
	enum emulate_result result;
	u64 stack;

	em->size = emulate_stack_operand(em);
	result = emulate_pop_place(em, &place, &stack);
	if (result != EMULATE_DONE)
		return result;
	emulate_set_stack(em, stack);
	result = emulate_operand(em, WALK_WRITE, &operand);
	if (result == EMULATE_DONE)
		emulate_set(em, &operand, emulate_load(em, &place));
	else
		em->page->gpr[GPR_RSP] = before;
	return result;
}

bool emulate_target_valid(const struct emulation *em, u64 target)
{
	if (em->mode == X86_MODE_64)
		return is_canonical(target, walk_linear_bits(em->page));
	return target <= em->page->segment[SEG_CS].limit;
}

/*
 * Executes near CALL and JMP with an operand in memory (ff /2 and /4). In 64-bit mode the operand
 * has 8 bytes even with prefix 66, as on Intel's CPUs.
 */
static enum emulate_result emulate_branch(struct emulation *em, bool call)
{
	struct emulate_operand operand;
	struct emulate_place place;
	enum emulate_result result;
	u64 stack;
	u64 target;

	em->size = em->mode == X86_MODE_64 ? 8 : em->in.operand_bytes;
	result = emulate_operand(em, WALK_READ, &operand);
	if (result == EMULATE_DONE && call)
		result = emulate_push_place(em, &place, &stack);
	if (result != EMULATE_DONE)
		return result;
	target = emulate_get(em, &operand);
	if (!emulate_target_valid(em, target))
		return emulate_fault(em, VECTOR_GP);
	if (call) {
		emulate_store(em, &place, em->next);
		emulate_set_stack(em, stack);
	}
	em->next = target;
	return EMULATE_DONE;
}

/* Executes group 3 (opcodes f6 and f7). */
static enum emulate_result emulate_group_3(struct emulation *em)
{
	switch (em->in.reg & 7) {
	case 0:
	case 1:
		return emulate_binary_with(em, ALU_AND, em->in.immediate, false);
	case 2:
		return emulate_unary(em, UNARY_NOT);
	case 3:
		return emulate_unary(em, UNARY_NEG);
	default:
		return emulate_multiply_divide(em);
	}
}

/* Executes groups 4 and 5 (opcodes fe and ff). */
static enum emulate_result emulate_group_5(struct emulation *em)
{
	u8 operation = em->in.reg & 7;

	if (operation <= 1)
		return emulate_unary(em, operation == 0 ? UNARY_INC : UNARY_DEC);
	if (em->in.opcode == 0xfe || operation == 7)
		return emulate_fault(em, VECTOR_UD);
	switch (operation) {
	case 2:
	case 4:
		return emulate_branch(em, operation == 2);
	case 6:
		return emulate_push(em);
	default:
		return emulate_far_branch(em, operation == 3);
	}
}

enum emulate_result emulate_execute_primary(struct emulation *em)
{
	u8 opcode = em->in.opcode;

	if (opcode < 0x40 && (opcode & 7) < 4)
		return emulate_binary(em);
	switch (opcode) {
	case 0x06 ... 0x07:
	case 0x0e:
	case 0x16 ... 0x17:
	case 0x1e ... 0x1f:
		return emulate_stack_segment(em);
	case 0x50 ... 0x5f:
	case 0x68:
	case 0x6a:
	case 0xc2 ... 0xc3:
	case 0xc8 ... 0xc9:
	case 0xe8:
		return emulate_stack(em);
	case 0x63: /* opcode 63 is MOVSXD, but ARPL in 16- and 32-bit code */
		if (em->mode != X86_MODE_64)
			return EMULATE_UNSUPPORTED;
		em->size = MIN(em->in.operand_bytes, 4);
		return emulate_load_signed(em, em->in.operand_bytes);
	case 0x69:
	case 0x6b:
		return emulate_multiply_register(em, &em->in.immediate);
	case 0x80 ... 0x83:
		return emulate_binary_with(em, em->in.reg & 7, em->in.immediate,
					   (em->in.reg & 7) != ALU_CMP);
	case 0x84 ... 0x85:
		return emulate_binary_with(em, ALU_AND, emulate_register(em, em->in.reg, em->size),
					   false);
	case 0x86 ... 0x87:
		return emulate_exchange(em);
	case 0x88 ... 0x89:
		return emulate_write_operand(em, emulate_register(em, em->in.reg, em->size));
	case 0x8a ... 0x8b:
		return emulate_load_signed(em, em->size);
	case 0x8c:
		return emulate_store_segment(em);
	case 0x8e:
		return emulate_load_segment(em);
	case 0x8f:
		return (em->in.reg & 7) == 0 ? emulate_pop(em) : emulate_fault(em, VECTOR_UD);
	case 0xa0 ... 0xa3:
		return emulate_move_offset(em);
	case 0xa4 ... 0xa7:
	case 0xaa ... 0xaf:
		return emulate_string(em);
	case 0xc0 ... 0xc1:
		return emulate_shift(em, (u8)em->in.immediate);
	case 0xc4 ... 0xc5:
		return emulate_load_far(em, opcode == 0xc4 ? SEG_ES : SEG_DS);
	case 0xc6 ... 0xc7:
		return (em->in.reg & 7) == 0 ? emulate_write_operand(em, em->in.immediate)
					     : EMULATE_UNSUPPORTED;
	case 0xd0 ... 0xd1:
		return emulate_shift(em, 1);
	case 0xd2 ... 0xd3:
		return emulate_shift(em, (u8)em->page->gpr[GPR_RCX]);
	case 0xd7:
		return emulate_translate_byte(em);
	case 0xd8 ... 0xdf:
		return emulate_x87(em);
	case 0xf6 ... 0xf7:
		return emulate_group_3(em);
	case 0xfe ... 0xff:
		return emulate_group_5(em);
	default:
		return EMULATE_UNSUPPORTED;
	}
}
