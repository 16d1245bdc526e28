/* SPDX-License-Identifier: MIT */
/*
 * Executes instructions whose only memory is the stack, for a stack in device memory. Called by
 * emulate_execute.c; reaches the stack through emulate_memory.c.
 */
#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"

static enum emulate_result emulate_stack_push_value(struct emulation *em, u64 value)
{
	struct emulate_place place;
	enum emulate_result result;
	u64 stack;

	result = emulate_push_place(em, &place, &stack);
	if (result != EMULATE_DONE)
		return result;
	emulate_store(em, &place, value);
	emulate_set_stack(em, stack);
	return EMULATE_DONE;
}

/* Reads em->size bytes of the stack at `stack` without moving the stack pointer. */
static enum emulate_result emulate_stack_peek_value(struct emulation *em, u64 stack, u64 *value)
{
	struct emulate_place place;
	enum emulate_result result =
		emulate_translate(em, SEG_SS, stack & emulate_mask(emulate_stack_width(em)),
				  em->size, WALK_READ, &place);

	if (result == EMULATE_DONE)
		*value = emulate_load(em, &place);
	return result;
}

static u8 emulate_stack_opcode_register(const struct emulation *em)
{
	return (u8)((em->in.opcode & 7) | (em->in.rex & 1 ? 8 : 0));
}

/* Loads a register from `stack` and moves the stack pointer past it. */
static enum emulate_result emulate_stack_pop_register(struct emulation *em, u64 stack, u8 reg)
{
	u64 value;
	enum emulate_result result = emulate_stack_peek_value(em, stack, &value);

	if (result != EMULATE_DONE)
		return result;
	emulate_set_stack(em, stack + em->size);
	/* the popped register may be RSP, whose new value must stay */
	emulate_set_register(em, reg, em->size, value);
	return EMULATE_DONE;
}

/*
 * Cuts an instruction pointer to its width, which follows from the operand size (SDM vol. 1,
 * 3.3.4).
 */
static u64 emulate_stack_within_pointer(const struct emulation *em, u64 target)
{
	return target & emulate_mask(em->size);
}

static enum emulate_result emulate_stack_call_relative(struct emulation *em)
{
	u64 target = emulate_stack_within_pointer(em, em->next + em->in.immediate);
	enum emulate_result result;

	if (!emulate_target_valid(em, target))
		return emulate_fault(em, VECTOR_GP);
	result = emulate_stack_push_value(em, em->next);
	if (result == EMULATE_DONE)
		em->next = target;
	return result;
}

static enum emulate_result emulate_stack_return_near(struct emulation *em)
{
	u64 stack = em->page->gpr[GPR_RSP];
	u64 more = em->in.opcode == 0xc2 ? (u16)em->in.immediate : 0;
	u64 target;
	enum emulate_result result = emulate_stack_peek_value(em, stack, &target);

	if (result != EMULATE_DONE)
		return result;
	if (!emulate_target_valid(em, target))
		return emulate_fault(em, VECTOR_GP);
	emulate_set_stack(em, stack + em->size + more);
	em->next = target;
	return EMULATE_DONE;
}

/*
 * Executes ENTER of level 0, the only one that compilers use; other levels are not emulated. The
 * stack must be writable at its final pointer, too (SDM vol. 2, ENTER).
 */
static enum emulate_result emulate_stack_enter_frame(struct emulation *em)
{
	u64 mask = emulate_mask(emulate_stack_width(em));
	struct emulate_place place;
	struct emulate_place last;
	enum emulate_result result;
	u64 frame;
	u64 stack;

	if (em->in.immediate2 % 32 != 0)
		return EMULATE_UNSUPPORTED;
	result = emulate_push_place(em, &place, &frame);
	if (result != EMULATE_DONE)
		return result;
	stack = (frame - (u16)em->in.immediate) & mask;
	result = emulate_translate(em, SEG_SS, stack, em->size, WALK_WRITE, &last);
	if (result != EMULATE_DONE)
		return result;
	emulate_store(em, &place, em->page->gpr[GPR_RBP]);
	emulate_set_register(em, GPR_RBP, em->size, frame);
	emulate_set_stack(em, stack);
	return EMULATE_DONE;
}

/*
 * Executes PUSH and POP of registers (50 to 5f), PUSH of immediates (68, 6a), RET (c2, c3), ENTER
 * (c8), LEAVE (c9) and CALL (e8).
 */
enum emulate_result emulate_stack(struct emulation *em)
{
	u8 opcode = em->in.opcode;
	bool branches = opcode == 0xe8 || opcode == 0xc2 || opcode == 0xc3;

	em->size = emulate_stack_operand(em);
	/* Intel's and AMD's CPUs treat prefix 66 of CALL and RET in 64-bit mode differently */
	if (branches && em->size == 2 && em->mode == X86_MODE_64)
		return EMULATE_UNSUPPORTED;
	switch (opcode) {
	case 0x50 ... 0x57:
		return emulate_stack_push_value(em,
						em->page->gpr[emulate_stack_opcode_register(em)]);
	case 0x58 ... 0x5f:
		return emulate_stack_pop_register(em, em->page->gpr[GPR_RSP],
						  emulate_stack_opcode_register(em));
	case 0xc8:
		return emulate_stack_enter_frame(em);
	case 0xc9:
		return emulate_stack_pop_register(em, em->page->gpr[GPR_RBP], GPR_RBP); /* LEAVE */
	case 0xe8:
		return emulate_stack_call_relative(em);
	case 0xc2 ... 0xc3:
		return emulate_stack_return_near(em);
	default: /* PUSH of an immediate (68, 6a), which the decoder has sign-extended */
		return emulate_stack_push_value(em, em->in.immediate);
	}
}
