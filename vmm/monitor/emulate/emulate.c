/* SPDX-License-Identifier: MIT */
/*
 * The instruction emulator: fetches, decodes and executes one instruction, then retires it or
 * reports its fault. Called by exits_memory.c and the handlers that share it; changes the registers
 * in the vCPU page (shared with the kernel), and guest memory through emulate_memory.c.
 */
#include "vmm/monitor/emulate/emulate.h"
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/canonical.h"

/*
 * Makes the instruction end in a fault with this vector. All but #PF carry error code 0 here, and
 * none in real mode (SDM vol. 3, 21.1.4).
 */
enum emulate_result emulate_fault(struct emulation *emulation, u8 vector)
{
	*emulation->event = (struct vcpu_event){
		.valid = 1,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error_code =
			emulation->page->cr0 & CR0_PE && EXCEPTIONS_WITH_ERROR_CODE & BIT(vector),
	};
	return EMULATE_FAULT;
}

/*
 * Ends the instruction with the #DB of a single step, if the guest single-steps (RFLAGS.TF): it
 * traps after the instruction, or after one iteration of REP (SDM vol. 3, 18.3.1.4).
 */
enum emulate_result emulate_single_step(struct emulation *emulation)
{
	struct vcpu_page *page = emulation->page;

	emulate_fault(emulation, VECTOR_DB);
	if (page->valid & VCPU_DEBUG) {
		page->dr[6] |= DR6_BS;
		page->dirty |= VCPU_DEBUG;
	}
	return EMULATE_FAULT;
}

enum emulate_result emulate_retire(struct emulation *emulation)
{
	struct vcpu_page *page = emulation->page;
	/*
	 * MOV SS also holds back the single-step trap; of several MOV SS in a row only the first
	 * does (SDM vol. 3, 6.8.3)
	 */
	bool holds = emulation->loads_ss && !(page->shadow & SHADOW_MOV_SS);

	if (page->rflags & RFLAGS_TF && !holds)
		emulate_single_step(emulation);
	page->rip = emulation->next;
	page->rflags &= ~RFLAGS_RF;
	page->shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS);
	if (holds)
		page->shadow |= SHADOW_MOV_SS;
	page->dirty |= VCPU_RIP;
	return EMULATE_DONE;
}

/*
 * Returns the mode (16, 32 or 64 bits) in which the code segment's code runs: SDM vol. 3, 3.4.5.1
 * and 5.2.1.
 */
static enum x86_mode emulate_code_mode(const struct vcpu_page *page)
{
	u32 access = page->segment[SEG_CS].access;

	if (page->efer & EFER_LMA && access & SEGMENT_L)
		return X86_MODE_64;
	return access & SEGMENT_DB ? X86_MODE_32 : X86_MODE_16;
}

/*
 * Reads more bytes of the instruction, up to `limit` in all, from the guest's page in which
 * `linear` lies.
 */
static enum emulate_result emulate_fetch_part(struct emulation *emulation, u64 linear, u32 limit)
{
	struct emulator *emulator = emulation->emulator;
	u32 count = (u32)MIN(limit - emulator->byte_count, PAGE_SIZE - (linear & PAGE_MASK));
	u32 access = WALK_FETCH;
	struct walk_result found;

	if (emulation->mode != X86_MODE_64)
		linear = (u32)linear;
	if (emulate_cpl(emulation) == 3)
		access |= WALK_USER;
	if (!walk(emulator->memory, emulation->page, GVA(linear), access, &found))
		return emulate_page_fault(emulation, linear, found.error_code);
	if (!guest_memory_read(emulator->memory, found.gpa, emulator->bytes + emulator->byte_count,
			       count))
		return EMULATE_UNSUPPORTED; /* the instruction lies in device memory */
	emulator->byte_count = (u8)(emulator->byte_count + count);
	return EMULATE_DONE;
}

/*
 * Takes the instruction's bytes from the vCPU page. In 64-bit mode the kernel may have put them
 * there: then the guest's page tables need not be walked. Returns false if it has not.
 */
static bool emulate_take_shown(struct emulation *emulation)
{
	struct emulator *emulator = emulation->emulator;
	const struct vcpu_page *page = emulation->page;

	if (!(page->valid & VCPU_CODE) || page->dirty & VCPU_RIP ||
	    page->code_bytes < X86_LENGTH_MAX || emulation->mode != X86_MODE_64)
		return false;
	__builtin_memcpy(emulator->bytes, page->code, X86_LENGTH_MAX);
	emulator->byte_count = X86_LENGTH_MAX;
	return true;
}

/*
 * Fetches and decodes the instruction. The next page of guest memory is read only if the
 * instruction reaches into it, and no byte is read twice.
 */
static enum emulate_result emulate_fetch(struct emulation *emulation)
{
	struct emulator *emulator = emulation->emulator;
	const struct vcpu_segment_state *cs = &emulation->page->segment[SEG_CS];
	u64 linear = emulation->page->rip;
	u32 limit = X86_LENGTH_MAX;
	enum emulate_result result;
	enum x86_status status;

	emulator->byte_count = 0;
	if (emulation->mode == X86_MODE_64) {
		if (!is_canonical(linear, walk_linear_bits(emulation->page)))
			return emulate_fault(emulation, VECTOR_GP);
	} else {
		if (linear > cs->limit)
			return emulate_fault(emulation, VECTOR_GP);
		limit = (u32)MIN(limit, cs->limit - linear + 1);
		linear += cs->base;
	}
	do {
		result = EMULATE_DONE;
		if (!emulate_take_shown(emulation))
			result =
				emulate_fetch_part(emulation, linear + emulator->byte_count, limit);
		if (result != EMULATE_DONE)
			return result;
		status = x86_decode(emulator->bytes, emulator->byte_count, emulation->mode,
				    &emulation->in);
	} while (status == X86_INCOMPLETE && emulator->byte_count < limit);

	if (status == X86_INVALID)
		return emulate_fault(emulation, VECTOR_UD);
	/*
	 * #GP: the instruction is longer than 15 bytes, or reaches past the limit of CS (SDM vol.
	 * 3, 6.15)
	 */
	return status == X86_OK ? EMULATE_DONE : emulate_fault(emulation, VECTOR_GP);
}

enum emulate_result emulate_start(struct emulation *emulation, struct emulator *emulator,
				  struct vcpu_event *event)
{
	struct vcpu_page *page = emulator->page;
	enum emulate_result result;

	*event = (struct vcpu_event){0};
	emulation->emulator = emulator;
	emulation->page = page;
	emulation->event = event;
	emulation->loads_ss = false;
	emulation->mode = emulate_code_mode(page);

	result = emulate_fetch(emulation);
	if (result != EMULATE_DONE)
		return result;
	emulation->size = emulation->in.opcode & 1 ? emulation->in.operand_bytes : 1;
	emulation->next = page->rip + emulation->in.length;
	/* RIP moves on with 32 bits in 16-bit code, too: only branches cut it to 16 bits */
	if (emulation->mode != X86_MODE_64)
		emulation->next = (u32)emulation->next;
	return EMULATE_DONE;
}

/*
 * Returns whether the instruction may have a LOCK prefix: only some with a memory destination may,
 * all others are #UD (SDM vol. 2, LOCK).
 */
static bool emulate_lock_allowed(const struct x86_instruction *in)
{
	u8 group = in->reg & 7;

	if (!x86_has_memory(in))
		return false;
	if (in->map == X86_MAP_PRIMARY) {
		switch (in->opcode) {
		case 0x80 ... 0x83:
			return group != 7;
		case 0x86 ... 0x87:
			return true;
		case 0xf6 ... 0xf7:
			return group == 2 || group == 3;
		case 0xfe ... 0xff:
			return group <= 1;
		default:
			return in->opcode < 0x38 && (in->opcode & 7) <= 1;
		}
	}
	if (in->map != X86_MAP_0F)
		return false;
	switch (in->opcode) {
	case 0xab:
	case 0xb0:
	case 0xb1:
	case 0xb3:
	case 0xbb:
	case 0xc0:
	case 0xc1:
		return true;
	case 0xba:
		return group >= 5;
	case 0xc7:
		return group == 1;
	default:
		return false;
	}
}

static enum emulate_result emulate_execute(struct emulation *emulation)
{
	enum emulate_result result = EMULATE_UNSUPPORTED;

	if (emulation->in.encoding == X86_LEGACY && emulation->in.map == X86_MAP_PRIMARY)
		return emulate_execute_primary(emulation);
	if (emulation->in.encoding == X86_LEGACY && emulation->in.map == X86_MAP_0F)
		result = emulate_execute_0f(emulation);
	else if (emulation->in.encoding == X86_LEGACY && emulation->in.map == X86_MAP_0F38)
		result = emulate_execute_0f38(emulation);
	else if (emulation->in.encoding == X86_VEX)
		result = emulate_bits(emulation);
	return result == EMULATE_UNSUPPORTED ? emulate_vector(emulation) : result;
}

enum emulate_result emulate(struct emulator *emulator, struct vcpu_event *event)
{
	struct emulation emulation;
	enum emulate_result result;

	result = emulate_start(&emulation, emulator, event);
	if (result != EMULATE_DONE)
		return result;
	if (emulation.in.prefixes & X86_PREFIX_LOCK && !emulate_lock_allowed(&emulation.in))
		return emulate_fault(&emulation, VECTOR_UD);
	result = emulate_execute(&emulation);
	return result == EMULATE_DONE ? emulate_retire(&emulation) : result;
}

enum emulate_result emulate_decode(struct emulator *emulator, struct x86_instruction *out,
				   struct vcpu_event *event)
{
	struct emulation emulation;
	enum emulate_result result = emulate_start(&emulation, emulator, event);

	if (result == EMULATE_DONE)
		*out = emulation.in;
	return result;
}

enum emulate_result emulate_instruction_length(struct emulator *emulator, u32 *length,
					       struct vcpu_event *event)
{
	struct x86_instruction instruction;
	enum emulate_result result = emulate_decode(emulator, &instruction, event);

	if (result == EMULATE_DONE)
		*length = instruction.length;
	return result;
}
