/* SPDX-License-Identifier: MIT */
/*
 * Executes string instructions on memory and ports: one element at a time, REP in bounded parts.
 * Called by emulate_execute.c and exits_port.c's handler; reaches memory and ports of devices.
 */
#include "arch/x86_64/hw/control.h"
#include "vmm/monitor/emulate/emulate_alu.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"

/*
 * The most elements of a REP instruction done before the guest runs again, so that it can be
 * interrupted.
 */
#define STRING_CHUNK 256

enum string_opcode {
	STRING_INS = 0x6c,
	STRING_OUTS = 0x6e,
	STRING_MOVS = 0xa4,
	STRING_CMPS = 0xa6,
	STRING_STOS = 0xaa,
	STRING_LODS = 0xac,
	STRING_SCAS = 0xae,
};

static bool emulate_reads_source(u8 opcode)
{
	return opcode == STRING_MOVS || opcode == STRING_CMPS || opcode == STRING_LODS ||
	       opcode == STRING_OUTS;
}

static bool emulate_uses_destination(u8 opcode)
{
	return opcode != STRING_LODS && opcode != STRING_OUTS;
}

static u64 emulate_index_register(const struct emulation *emulation, u8 reg)
{
	return emulate_register(emulation, reg, emulation->in.address_bytes);
}

static void emulate_advance(struct emulation *emulation, u8 reg)
{
	u64 at = emulate_index_register(emulation, reg);

	at = emulation->page->rflags & RFLAGS_DF ? at - emulation->size : at + emulation->size;
	emulate_set_register(emulation, reg, emulation->in.address_bytes, at);
}

/* Moves or compares one element of a string whose places in memory are known. */
static void emulate_element(struct emulation *emulation, u8 opcode,
			    const struct emulate_place *source,
			    const struct emulate_place *destination)
{
	const struct emulator *emulator = emulation->emulator;
	struct vcpu_page *page = emulation->page;
	u16 port = (u16)page->gpr[GPR_RDX];
	u32 size = emulation->size;
	u64 left;

	switch (opcode) {
	case STRING_MOVS:
		emulate_store(emulation, destination, emulate_load(emulation, source));
		break;
	case STRING_STOS:
		emulate_store(emulation, destination, page->gpr[GPR_RAX]);
		break;
	case STRING_LODS:
		emulate_set_register(emulation, GPR_RAX, size, emulate_load(emulation, source));
		break;
	case STRING_CMPS:
	case STRING_SCAS:
		left = opcode == STRING_SCAS ? page->gpr[GPR_RAX] : emulate_load(emulation, source);
		alu_binary(ALU_CMP, left, emulate_load(emulation, destination), size,
			   &page->rflags);
		break;
	case STRING_INS:
		emulate_store(emulation, destination,
			      emulator->ops->in(emulator->device, port, size));
		break;
	case STRING_OUTS:
		emulator->ops->out(emulator->device, port, size,
				   (u32)emulate_load(emulation, source));
		break;
	}
}

/*
 * Sets RF between two iterations of REP: an event that comes there saves RFLAGS with RF set (SDM
 * vol. 3, 18.3.1.1).
 */
static void emulate_between_rounds(struct emulation *emulation)
{
	struct vcpu_page *page = emulation->page;

	page->rflags |= RFLAGS_RF;
	page->shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS);
	page->dirty |= VCPU_RIP;
}

/* Executes one element of the string; nothing has changed if it faults. */
static enum emulate_result emulate_iterate(struct emulation *emulation)
{
	u8 opcode = emulation->in.opcode & 0xfe;
	bool compares = opcode == STRING_CMPS || opcode == STRING_SCAS;
	struct emulate_place source = {0};
	struct emulate_place destination = {0};
	enum emulate_result result;

	if (emulate_reads_source(opcode)) {
		result = emulate_translate(emulation, emulate_segment(emulation, SEG_DS),
					   emulate_index_register(emulation, GPR_RSI),
					   emulation->size, WALK_READ, &source);
		if (result != EMULATE_DONE)
			return result;
	}
	if (emulate_uses_destination(opcode)) {
		result = emulate_translate(
			emulation, SEG_ES, emulate_index_register(emulation, GPR_RDI),
			emulation->size, compares ? WALK_READ : WALK_WRITE, &destination);
		if (result != EMULATE_DONE)
			return result;
	}
	emulate_element(emulation, opcode, &source, &destination);
	if (emulate_reads_source(opcode))
		emulate_advance(emulation, GPR_RSI);
	if (emulate_uses_destination(opcode))
		emulate_advance(emulation, GPR_RDI);
	emulation->page->dirty |= VCPU_RIP;
	return EMULATE_DONE;
}

/*
 * Returns whether the comparison ends REP: CMPS and SCAS also end when ZF differs from the prefix's
 * condition (SDM vol. 2, REP).
 */
static bool emulate_comparison_ends(const struct emulation *emulation)
{
	u8 opcode = emulation->in.opcode & 0xfe;
	bool equal = emulation->page->rflags & RFLAGS_ZF;

	if (opcode != STRING_CMPS && opcode != STRING_SCAS)
		return false;
	return equal == (bool)(emulation->in.prefixes & X86_PREFIX_REPNE);
}

enum emulate_result emulate_string(struct emulation *emulation)
{
	bool repeated = emulation->in.prefixes & (X86_PREFIX_REP | X86_PREFIX_REPNE);
	bool stepped = emulation->page->rflags & RFLAGS_TF;
	u32 width = emulation->in.address_bytes;
	enum emulate_result result;

	if (!repeated)
		return emulate_iterate(emulation);
	for (u32 i = 0; i < STRING_CHUNK; i++) {
		if (emulate_index_register(emulation, GPR_RCX) == 0)
			return EMULATE_DONE;
		result = emulate_iterate(emulation);
		if (result != EMULATE_DONE)
			return result;
		emulate_set_register(emulation, GPR_RCX, width, emulation->page->gpr[GPR_RCX] - 1);
		if (emulate_comparison_ends(emulation) ||
		    emulate_index_register(emulation, GPR_RCX) == 0)
			return EMULATE_DONE;
		if (stepped) {
			emulate_between_rounds(emulation);
			return emulate_single_step(emulation);
		}
	}
	emulate_between_rounds(emulation);
	return EMULATE_AGAIN;
}

/*
 * Returns whether the string I/O instruction in memory is still the one that the exit reports. The
 * CPU has checked the guest's right to the port of the exit; if the instruction has changed since,
 * the guest executes it again and is checked again.
 */
static bool emulate_matches_exit(const struct emulation *emulation)
{
	const struct x86_instruction *in = &emulation->in;
	const struct vcpu_exit *exit = &emulation->page->exit;
	u8 opcode = exit->io_flags & IO_IN ? STRING_INS : STRING_OUTS;

	return in->encoding == X86_LEGACY && in->map == X86_MAP_PRIMARY &&
	       (in->opcode & 0xfe) == opcode && exit->io_size == emulation->size &&
	       exit->io_port == (u16)emulation->page->gpr[GPR_RDX] &&
	       !(in->prefixes & X86_PREFIX_LOCK);
}

enum emulate_result emulate_io_string(struct emulator *emulator, struct vcpu_event *event)
{
	struct emulation emulation;
	enum emulate_result result = emulate_start(&emulation, emulator, event);

	if (result != EMULATE_DONE)
		return result;
	emulation.size = MIN(emulation.size, 4); /* REX.W has no effect on string I/O */
	if (!emulate_matches_exit(&emulation))
		return EMULATE_AGAIN;
	result = emulate_string(&emulation);
	return result == EMULATE_DONE ? emulate_retire(&emulation) : result;
}
