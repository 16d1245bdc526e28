/* SPDX-License-Identifier: MIT */
/*
 * Executes loads of segment registers and descriptor tables from memory, and far CALL and JMP.
 * Called by emulate_execute.c and emulate_0f.c; changes segments in the vCPU page.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/descriptor.h"
#include "lib/bits.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/task/task_state.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/canonical.h"

static bool emulate_is_protected(const struct emulation *em)
{
	return em->page->cr0 & CR0_PE && !(em->page->rflags & RFLAGS_VM);
}

static void emulate_need_tables(const struct emulation *em)
{
	if (em->emulator->ops->tables != NULL)
		em->emulator->ops->tables(em->emulator->device);
}

/* Raises a fault with the selector, without its RPL, as error code (SDM vol. 3, 6.13). */
static enum emulate_result emulate_selector_fault(struct emulation *em, u8 vector, u16 selector)
{
	emulate_fault(em, vector);
	em->event->error_code = selector & ~SELECTOR_RPL;
	return EMULATE_FAULT;
}

struct descriptor {
	u64 low;
	u64 high; /* the upper half of a system descriptor in long mode */
	u64 linear;
};

/* Reads a selector's descriptor, of 8 or 16 bytes, from the GDT or the LDT: SDM vol. 3, 3.5.1. */
static enum emulate_result emulate_read_descriptor(struct emulation *em, u16 selector, u32 bytes,
						   struct descriptor *out)
{
	const struct vcpu_segment_state *ldtr = &em->page->segment[SEG_LDTR];
	u64 offset = selector & ~7u;
	u64 base;
	u64 limit;
	struct emulate_place place;
	enum emulate_result result;

	emulate_need_tables(em);
	base = em->page->gdtr.base;
	limit = em->page->gdtr.limit;
	if (selector & SELECTOR_TI) {
		base = ldtr->base;
		limit = ldtr->access & SEGMENT_UNUSABLE ? 0 : ldtr->limit;
	}
	if (offset + bytes - 1 > limit)
		return emulate_selector_fault(em, VECTOR_GP, selector);
	out->linear = base + offset;
	result = emulate_translate_system(em, out->linear, 8, WALK_READ, &place);
	if (result != EMULATE_DONE)
		return result;
	out->low = emulate_load(em, &place);
	out->high = 0;
	if (bytes == 16) {
		result = emulate_translate_system(em, out->linear + 8, 8, WALK_READ, &place);
		if (result == EMULATE_DONE)
			out->high = emulate_load(em, &place);
	}
	return result;
}

/*
 * Sets bits of the descriptor's type (accessed, busy), in its sixth byte, in the guest's GDT or
 * LDT.
 */
static enum emulate_result emulate_mark(struct emulation *em, struct descriptor *descriptor,
					u64 bits)
{
	struct emulate_place place;
	enum emulate_result result;

	if ((descriptor->low & bits) == bits)
		return EMULATE_DONE;
	result = emulate_translate_system(em, descriptor->linear + 5, 1, WALK_WRITE, &place);
	if (result != EMULATE_DONE)
		return result;
	descriptor->low |= bits;
	emulate_store(em, &place, (u8)(descriptor->low >> 40));
	return EMULATE_DONE;
}

static void emulate_set_segment(struct emulation *em, u32 segment, struct vcpu_segment_state state)
{
	em->page->segment[segment] = state;
	em->page->dirty |= VCPU_SEGMENTS;
}

/* Sets a segment register as real and virtual-8086 mode do: SDM vol. 3, 21.1.1. */
static void emulate_set_real_segment(struct emulation *em, u32 segment, u16 selector)
{
	em->page->segment[segment].selector = selector;
	em->page->segment[segment].base = (u64)selector << 4;
	em->page->dirty |= VCPU_SEGMENTS;
}

/* Returns whether the descriptor may be loaded into SS: SDM vol. 2, MOV. */
static bool emulate_fits_stack(const struct emulation *em, u16 selector, u64 descriptor)
{
	u32 cpl = emulate_cpl(em);

	return descriptor & DESCRIPTOR_S && !(descriptor & DESCRIPTOR_CODE) &&
	       descriptor & DESCRIPTOR_WRITABLE && (selector & SELECTOR_RPL) == cpl &&
	       bits_get(descriptor, 46, 45) == cpl;
}

static bool emulate_fits_data(const struct emulation *em, u16 selector, u64 descriptor)
{
	bool conforming = descriptor & DESCRIPTOR_CODE && descriptor & DESCRIPTOR_EXPAND_DOWN;
	u32 least = MAX(emulate_cpl(em), selector & SELECTOR_RPL);

	return descriptor & DESCRIPTOR_S &&
	       (!(descriptor & DESCRIPTOR_CODE) || descriptor & DESCRIPTOR_WRITABLE) &&
	       (conforming || least <= bits_get(descriptor, 46, 45));
}

static enum emulate_result emulate_load_null(struct emulation *em, u32 segment, u16 selector)
{
	u32 dpl = emulate_cpl(em) << SEGMENT_DPL_SHIFT;

	/* 64-bit mode accepts a null SS below CPL 3. */
	if (segment == SEG_SS &&
	    (em->mode != X86_MODE_64 || emulate_cpl(em) == 3 || selector != emulate_cpl(em)))
		return emulate_fault(em, VECTOR_GP);
	emulate_set_segment(em, segment,
			    (struct vcpu_segment_state){.selector = selector,
							.access = SEGMENT_UNUSABLE |
								  (segment == SEG_SS ? dpl : 0)});
	return EMULATE_DONE;
}

static enum emulate_result emulate_load_protected(struct emulation *em, u32 segment, u16 selector)
{
	struct descriptor descriptor;
	enum emulate_result result;
	bool fits;

	if ((selector & ~SELECTOR_RPL) == 0)
		return emulate_load_null(em, segment, selector);
	result = emulate_read_descriptor(em, selector, 8, &descriptor);
	if (result != EMULATE_DONE)
		return result;
	fits = segment == SEG_SS ? emulate_fits_stack(em, selector, descriptor.low)
				 : emulate_fits_data(em, selector, descriptor.low);
	if (!fits)
		return emulate_selector_fault(em, VECTOR_GP, selector);
	if (!(descriptor.low & DESCRIPTOR_P))
		return emulate_selector_fault(em, segment == SEG_SS ? VECTOR_SS : VECTOR_NP,
					      selector);
	result = emulate_mark(em, &descriptor, DESCRIPTOR_ACCESSED);
	if (result == EMULATE_DONE)
		emulate_set_segment(em, segment, task_segment(selector, descriptor.low));
	return result;
}

static enum emulate_result emulate_load_selector(struct emulation *em, u32 segment, u16 selector)
{
	if (emulate_is_protected(em))
		return emulate_load_protected(em, segment, selector);
	emulate_set_real_segment(em, segment, selector);
	return EMULATE_DONE;
}

/* Executes MOV to a segment register (8e). */
enum emulate_result emulate_load_segment(struct emulation *em)
{
	u32 segment = em->in.reg & 7;
	enum emulate_result result;
	u64 value;

	if (segment == SEG_CS || segment > SEG_GS)
		return emulate_fault(em, VECTOR_UD);
	em->size = 2;
	result = emulate_read_operand(em, &value);
	if (result == EMULATE_DONE)
		result = emulate_load_selector(em, segment, (u16)value);
	em->loads_ss = segment == SEG_SS;
	return result;
}

/*
 * Executes PUSH and POP of segment registers (06, 07, 0e, 16, 17, 1e, 1f; 0f a0, a1, a8, a9), whose
 * number is in the opcode's bits 5:3.
 */
enum emulate_result emulate_stack_segment(struct emulation *em)
{
	u32 segment = em->in.opcode >> 3 & 7;
	enum emulate_result result;
	struct emulate_place place;
	u64 stack;

	em->size = emulate_stack_operand(em);
	if (!(em->in.opcode & 1)) {
		result = emulate_push_place(em, &place, &stack);
		if (result != EMULATE_DONE)
			return result;
		emulate_store(em, &place, em->page->segment[segment].selector);
		emulate_set_stack(em, stack);
		return EMULATE_DONE;
	}
	result = emulate_pop_place(em, &place, &stack);
	if (result == EMULATE_DONE)
		result = emulate_load_selector(em, segment, (u16)emulate_load(em, &place));
	if (result == EMULATE_DONE)
		emulate_set_stack(em, stack);
	em->loads_ss = segment == SEG_SS;
	return result;
}

/* Executes LLDT or LTR (SDM vol. 2), whose descriptor has 16 bytes in long mode. */
static enum emulate_result emulate_load_system(struct emulation *em, bool task, u16 selector)
{
	bool long_mode = em->page->efer & EFER_LMA;
	u32 segment = task ? SEG_TR : SEG_LDTR;
	struct vcpu_segment_state state;
	struct descriptor descriptor;
	enum emulate_result result;
	u32 type;

	if ((selector & ~SELECTOR_RPL) == 0) {
		if (task)
			return emulate_fault(em, VECTOR_GP);
		emulate_set_segment(em, segment,
				    (struct vcpu_segment_state){.selector = selector,
								.access = SEGMENT_UNUSABLE});
		return EMULATE_DONE;
	}
	if (selector & SELECTOR_TI)
		return emulate_selector_fault(em, VECTOR_GP, selector);
	result = emulate_read_descriptor(em, selector, long_mode ? 16 : 8, &descriptor);
	if (result != EMULATE_DONE)
		return result;
	type = (u32)bits_get(descriptor.low, 43, 40);
	state = task_segment(selector, descriptor.low);
	state.base |= descriptor.high << 32;
	if (descriptor.low & DESCRIPTOR_S ||
	    (task ? type != DESCRIPTOR_TSS_AVAILABLE &&
			     (long_mode || type != DESCRIPTOR_TSS16_AVAILABLE)
		  : type != DESCRIPTOR_LDT))
		return emulate_selector_fault(em, VECTOR_GP, selector);
	if (!(descriptor.low & DESCRIPTOR_P))
		return emulate_selector_fault(em, VECTOR_NP, selector);
	/* bits 12:8 of the upper half of a system descriptor must be 0 (SDM vol. 3, figure 8-4) */
	if (bits_get(descriptor.high, 44, 40) != 0 ||
	    (long_mode && !is_canonical(state.base, walk_linear_bits(em->page))))
		return emulate_selector_fault(em, VECTOR_GP, selector);
	if (task) {
		result = emulate_mark(em, &descriptor, (u64)TASK_TYPE_BUSY << 40);
		state.access |= TASK_TYPE_BUSY;
	}
	if (result == EMULATE_DONE)
		emulate_set_segment(em, segment, state);
	return result;
}

/* Executes SLDT, STR, LLDT and LTR (0f 00). VERR and VERW are not emulated. */
enum emulate_result emulate_system_segment(struct emulation *em)
{
	u32 operation = em->in.reg & 7;
	enum emulate_result result;
	u64 value;

	if (operation > 3 || !x86_has_memory(&em->in))
		return EMULATE_UNSUPPORTED;
	if (!emulate_is_protected(em))
		return emulate_fault(em, VECTOR_UD);
	if (!(operation >= 2 ? emulate_is_privileged(em) : emulate_may_look(em)))
		return emulate_fault(em, VECTOR_GP);
	em->size = 2;
	if (operation < 2)
		return emulate_write_operand(
			em, em->page->segment[operation == 0 ? SEG_LDTR : SEG_TR].selector);
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	return emulate_load_system(em, operation == 3, (u16)value);
}

/*
 * Executes SGDT, SIDT, LGDT and LIDT (0f 01 /0 to /3). Their operand is a limit of 2 bytes and a
 * base of 4, or of 8 in 64-bit mode.
 */
enum emulate_result emulate_descriptor_tables(struct emulation *em)
{
	u32 operation = em->in.reg & 7;
	bool load = operation >= 2;
	u32 base_bytes = em->mode == X86_MODE_64 ? 8 : 4;
	struct vcpu_table_state *table;
	struct emulate_operand limit;
	struct emulate_operand base;
	enum emulate_result result;
	u64 value;

	if (!(load ? emulate_is_privileged(em) : emulate_may_look(em)))
		return emulate_fault(em, VECTOR_GP);
	emulate_need_tables(em);
	table = operation & 1 ? &em->page->idtr : &em->page->gdtr;
	em->size = 2;
	result = emulate_operand(em, load ? WALK_READ : WALK_WRITE, &limit);
	if (result == EMULATE_DONE) {
		em->size = base_bytes;
		result = emulate_operand_at(em, 2, load ? WALK_READ : WALK_WRITE, &base);
	}
	if (result != EMULATE_DONE)
		return result;
	if (!load) {
		emulate_set(em, &limit, table->limit);
		emulate_set(em, &base, table->base);
		return EMULATE_DONE;
	}
	value = emulate_get(em, &base);
	if (em->mode == X86_MODE_64 && !is_canonical(value, walk_linear_bits(em->page)))
		return emulate_fault(em, VECTOR_GP);
	if (em->mode != X86_MODE_64 && em->in.operand_bytes == 2)
		value &= BITS(23, 0);
	table->limit = (u32)emulate_get(em, &limit);
	table->base = value;
	em->page->dirty |= VCPU_TABLES;
	return EMULATE_DONE;
}

/*
 * Checks the target of a far JMP or CALL (SDM vol. 2), which has to be code of the same privilege.
 * Gates and tasks are not emulated.
 */
static enum emulate_result emulate_find_code(struct emulation *em, u16 selector, u64 target,
					     struct vcpu_segment_state *cs)
{
	u32 cpl = emulate_cpl(em);
	struct descriptor descriptor;
	enum emulate_result result;
	bool long_code;
	bool fits; /* whether the privilege fits; conforming code is open to lower privilege, too */
	u32 dpl;

	if ((selector & ~SELECTOR_RPL) == 0)
		return emulate_fault(em, VECTOR_GP);
	result = emulate_read_descriptor(em, selector, 8, &descriptor);
	if (result != EMULATE_DONE)
		return result;
	if (!(descriptor.low & DESCRIPTOR_S))
		return EMULATE_UNSUPPORTED;
	dpl = (u32)bits_get(descriptor.low, 46, 45);
	long_code = em->page->efer & EFER_LMA && descriptor.low & DESCRIPTOR_L;
	fits = descriptor.low & DESCRIPTOR_EXPAND_DOWN
		       ? dpl <= cpl
		       : dpl == cpl && (selector & SELECTOR_RPL) <= cpl;
	if (!fits || !(descriptor.low & DESCRIPTOR_CODE) ||
	    (long_code && descriptor.low & DESCRIPTOR_DB))
		return emulate_selector_fault(em, VECTOR_GP, selector);
	if (!(descriptor.low & DESCRIPTOR_P))
		return emulate_selector_fault(em, VECTOR_NP, selector);
	*cs = task_segment((u16)((selector & ~SELECTOR_RPL) | cpl), descriptor.low);
	if (long_code ? !is_canonical(target, walk_linear_bits(em->page)) : target > cs->limit)
		return emulate_fault(em, VECTOR_GP);
	cs->access |= (u32)(DESCRIPTOR_ACCESSED >> 40);
	return emulate_mark(em, &descriptor, DESCRIPTOR_ACCESSED);
}

static enum emulate_result emulate_far_target(struct emulation *em, u64 *target, u16 *selector)
{
	u32 size = em->in.operand_bytes;
	struct emulate_operand offset;
	struct emulate_operand segment;
	enum emulate_result result;

	em->size = size;
	result = emulate_operand(em, WALK_READ, &offset);
	if (result == EMULATE_DONE) {
		em->size = 2;
		result = emulate_operand_at(em, size, WALK_READ, &segment);
	}
	if (result != EMULATE_DONE)
		return result;
	*selector = (u16)emulate_get(em, &segment);
	em->size = size;
	*target = emulate_get(em, &offset);
	return EMULATE_DONE;
}

/*
 * Executes LES, LDS, LSS, LFS and LGS. Unlike MOV SS, LSS holds no interrupt back (SDM vol. 3,
 * 6.8.3).
 */
enum emulate_result emulate_load_far(struct emulation *em, u32 segment)
{
	enum emulate_result result;
	u16 selector;
	u64 offset;

	if (!x86_has_memory(&em->in))
		return emulate_fault(em, VECTOR_UD);
	result = emulate_far_target(em, &offset, &selector);
	if (result == EMULATE_DONE)
		result = emulate_load_selector(em, segment, selector);
	if (result == EMULATE_DONE)
		emulate_set_register(em, em->in.reg, em->in.operand_bytes, offset);
	return result;
}

/*
 * Pushes CS and then the instruction pointer of the next instruction; both places on the stack are
 * found before either is written.
 */
static enum emulate_result emulate_push_return(struct emulation *em)
{
	u64 before = em->page->gpr[GPR_RSP];
	struct emulate_place place[2];
	enum emulate_result result;
	u64 stack;

	em->size = em->in.operand_bytes;
	result = emulate_push_place(em, &place[0], &stack);
	if (result != EMULATE_DONE)
		return result;
	emulate_set_stack(em, stack);
	result = emulate_push_place(em, &place[1], &stack);
	if (result != EMULATE_DONE) {
		em->page->gpr[GPR_RSP] = before;
		return result;
	}
	emulate_store(em, &place[0], em->page->segment[SEG_CS].selector);
	emulate_store(em, &place[1], em->next);
	emulate_set_stack(em, stack);
	return EMULATE_DONE;
}

/* Executes far CALL and JMP with an operand in memory (ff /3 and /5). */
enum emulate_result emulate_far_branch(struct emulation *em, bool call)
{
	struct vcpu_segment_state cs = em->page->segment[SEG_CS];
	enum emulate_result result;
	u16 selector;
	u64 target;

	if (!x86_has_memory(&em->in))
		return emulate_fault(em, VECTOR_UD);
	result = emulate_far_target(em, &target, &selector);
	if (result != EMULATE_DONE)
		return result;
	if (emulate_is_protected(em)) {
		result = emulate_find_code(em, selector, target, &cs);
	} else if (target > cs.limit) {
		result = emulate_fault(em, VECTOR_GP);
	} else {
		cs.selector = selector;
		cs.base = (u64)selector << 4;
	}
	if (result == EMULATE_DONE && call)
		result = emulate_push_return(em);
	if (result != EMULATE_DONE)
		return result;
	emulate_set_segment(em, SEG_CS, cs);
	em->next = target;
	return EMULATE_DONE;
}
