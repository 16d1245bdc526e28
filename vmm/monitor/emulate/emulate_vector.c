/* SPDX-License-Identifier: MIT */
/*
 * Executes SSE and AVX moves between memory and MMX or vector registers, without arithmetic.
 * Called by emulate.c; changes the vCPU's XSAVE area.
 */
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/emulate/emulate_vector_forms.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/xsave.h"

#define V_PIECE	   8u /* the most bytes of a vector moved by one memory access */
#define PIECES_MAX (XSAVE_VECTOR_BYTES / V_PIECE)

struct vector_piece {
	u32 at; /* the piece's offset from the start of the operand in memory */
	u32 bytes;
	struct emulate_operand operand;
};

struct vector_move {
	const struct vector_form *form;
	u8 *image;
	u32 length; /* the length of the vector register in bytes: 16, 32 or 64 */
	u32 bytes;  /* the bytes of the operand in memory */
	u8 memory[XSAVE_VECTOR_BYTES];
	u8 value[XSAVE_VECTOR_BYTES]; /* the vector register's value */
	u32 count;
	/* the parts of the memory operand that the move touches */
	struct vector_piece piece[PIECES_MAX];
};

static u32 emulate_vector_memory_bytes(const struct emulation *em, const struct vector_move *move)
{
	const struct vector_form *form = move->form;
	bool wide = em->in.rex & 8;

	switch (form->kind) {
	case V_FULL:
	case V_ODD:
	case V_MASKED:
		return move->length;
	case V_EVEN: /* MOVDDUP with a register of 16 bytes reads only 8 */
		return form->bytes == 8 && move->length == 16 ? 8 : move->length;
	case V_SIGNED:
	case V_UNSIGNED:
		return move->length / form->times;
	case V_GENERAL:
	case V_MMX_GENERAL:
		return wide ? 8 : 4;
	default:
		return form->traits & V_WIDE && wide ? 2u * form->bytes : form->bytes;
	}
}

static enum emulate_result emulate_vector_find_piece(struct emulation *em, struct vector_move *move,
						     u32 at, u32 bytes)
{
	struct vector_piece *piece = &move->piece[move->count++];
	u32 access = move->form->traits & V_STORE ? WALK_WRITE : WALK_READ;
	u64 offset = em->page->gpr[GPR_RDI] & emulate_mask(em->in.address_bytes);

	piece->at = at;
	piece->bytes = bytes;
	em->size = bytes;
	if (!vector_form_is_implied(move->form))
		return emulate_operand_at(em, at, access, &piece->operand);
	return emulate_translate_operand(em, emulate_segment(em, SEG_DS), offset + at, bytes,
					 access, &piece->operand.place);
}

/* Reads the register whose sign bits say which elements in memory a masked move touches. */
static void emulate_vector_get_mask(const struct emulation *em, const struct vector_move *move,
				    u8 mask[XSAVE_VECTOR_BYTES])
{
	const struct xsave_layout *layout = em->emulator->xsave;
	u64 value;

	if (move->form->kind == V_MMX_BYTES) {
		value = xsave_mmx_get(layout, move->image, em->in.rm);
		__builtin_memcpy(mask, &value, sizeof(value));
	} else {
		xsave_vector_get(layout, move->image,
				 move->form->kind == V_BYTES ? em->in.rm : em->in.vector_register,
				 mask);
	}
}

/* Finds the pieces of a masked move: adjacent elements form one piece, up to V_PIECE bytes. */
static enum emulate_result emulate_vector_find_masked(struct emulation *em,
						      struct vector_move *move)
{
	u32 element = vector_form_is_implied(move->form) ? 1 : move->form->bytes;
	u8 mask[XSAVE_VECTOR_BYTES];
	enum emulate_result result = EMULATE_DONE;
	u32 bytes;

	if (move->form->traits & V_WIDE && em->in.vector_wide)
		element *= 2;
	emulate_vector_get_mask(em, move, mask);
	for (u32 at = 0; at < move->bytes && result == EMULATE_DONE; at += MAX(bytes, element)) {
		bytes = 0;
		while (bytes < V_PIECE && at + bytes < move->bytes &&
		       mask[at + bytes + element - 1] & 0x80)
			bytes += element;
		if (bytes != 0)
			result = emulate_vector_find_piece(em, move, at, bytes);
	}
	return result;
}

/* Finds the pieces of a move and translates their addresses, all before the first is touched. */
static enum emulate_result emulate_vector_find_pieces(struct emulation *em,
						      struct vector_move *move)
{
	enum emulate_result result = EMULATE_DONE;

	if (move->form->kind == V_MASKED || vector_form_is_implied(move->form))
		return emulate_vector_find_masked(em, move);
	for (u32 at = 0; at < move->bytes && result == EMULATE_DONE; at += V_PIECE)
		result = emulate_vector_find_piece(em, move, at, MIN(move->bytes - at, V_PIECE));
	return result;
}

static void emulate_vector_transfer(const struct emulation *em, struct vector_move *move)
{
	for (u32 i = 0; i < move->count; i++) {
		const struct vector_piece *piece = &move->piece[i];
		u64 value = 0;

		if (move->form->traits & V_STORE) {
			__builtin_memcpy(&value, move->memory + piece->at, piece->bytes);
			emulate_store(em, &piece->operand.place, value);
		} else {
			value = emulate_load(em, &piece->operand.place);
			__builtin_memcpy(move->memory + piece->at, &value, piece->bytes);
		}
	}
}

/* Returns the offset in the vector register of the bytes that the move has in memory. */
static u32 emulate_vector_place_in_register(const struct emulation *em,
					    const struct vector_move *move)
{
	u32 whole = move->form->kind == V_LANE ? move->length : 16;

	switch (move->form->kind) {
	case V_HIGH:
		return 8;
	case V_ELEMENT:
	case V_LANE:
		return (u32)em->in.immediate % (whole / move->bytes) * move->bytes;
	default:
		return 0;
	}
}

static void emulate_vector_duplicate(struct vector_move *move)
{
	u32 size = move->form->bytes;
	u32 odd = move->form->kind == V_ODD ? size : 0;

	for (u32 at = 0; at < move->length; at++)
		move->value[at] = move->memory[at / (2 * size) * (2 * size) + odd + at % size];
}

static void emulate_vector_extend(struct vector_move *move)
{
	u32 size = move->form->bytes;
	u32 unused = 64 - 8 * size;

	for (u32 at = 0; at < move->bytes; at += size) {
		u64 element = 0;

		__builtin_memcpy(&element, move->memory + at, size);
		if (move->form->kind == V_SIGNED)
			element = (u64)((s64)(element << unused) >> unused);
		__builtin_memcpy(move->value + (size_t)at * move->form->times, &element,
				 (size_t)size * move->form->times);
	}
}

/*
 * Executes INSERTPS: the immediate's bits 5:4 say which element of the register is replaced, bits
 * 3:0 which elements become 0 (SDM vol. 2).
 */
static void emulate_vector_insert_single(struct vector_move *move, u64 immediate)
{
	memcpy(move->value + bits_get(immediate, 5, 4) * 4, move->memory, 4);
	for (u32 at = 0; at < 16; at += 4, immediate >>= 1)
		if (immediate & 1)
			memset(move->value + at, 0, 4);
}

/*
 * Makes, in move->value, a loaded register's new value; it already holds the bytes that the load
 * keeps.
 */
static void emulate_vector_compose(const struct emulation *em, struct vector_move *move)
{
	switch (move->form->kind) {
	case V_EVEN:
	case V_ODD:
		emulate_vector_duplicate(move);
		break;
	case V_SIGNED:
	case V_UNSIGNED:
		emulate_vector_extend(move);
		break;
	case V_SINGLE:
		emulate_vector_insert_single(move, em->in.immediate);
		break;
	case V_BROADCAST:
		for (u32 at = 0; at < move->length; at++)
			move->value[at] = move->memory[at % move->bytes];
		break;
	case V_SCALAR:
	case V_GENERAL:
		memset(move->value, 0, sizeof(move->value));
		__builtin_memcpy(move->value, move->memory, move->bytes);
		break;
	default:
		memcpy(move->value + emulate_vector_place_in_register(em, move), move->memory,
		       move->bytes);
		break;
	}
}

/*
 * Returns whether the bytes that a load does not replace come from the register VEX.vvvv and not
 * from the destination.
 */
static bool emulate_vector_merges(const struct vector_move *move)
{
	return move->form->kind == V_LOW || move->form->kind == V_HIGH ||
	       move->form->kind == V_ELEMENT || move->form->kind == V_SINGLE ||
	       move->form->kind == V_LANE;
}

/*
 * Writes the vector register: instructions with VEX and EVEX clear its bytes above the vector,
 * other instructions keep them.
 */
static void emulate_vector_set_register(const struct emulation *em, struct vector_move *move)
{
	const struct xsave_layout *layout = em->emulator->xsave;
	u32 changed = em->in.encoding == X86_LEGACY ? 16 : XSAVE_VECTOR_BYTES;

	xsave_vector_get(layout, move->image,
			 emulate_vector_merges(move) && em->in.encoding != X86_LEGACY
				 ? em->in.vector_register
				 : em->in.reg,
			 move->value);
	emulate_vector_compose(em, move);
	if (em->in.encoding != X86_LEGACY)
		memset(move->value + move->length, 0, XSAVE_VECTOR_BYTES - move->length);
	xsave_vector_set(layout, move->image, em->in.reg, move->value, changed);
}

static void emulate_vector_exchange_mmx(const struct emulation *em, struct vector_move *move)
{
	const struct xsave_layout *layout = em->emulator->xsave;
	u64 value = xsave_mmx_get(layout, move->image, em->in.reg);
	u32 at = move->form->kind == V_MMX_ELEMENT ? em->in.immediate % 4 * 2 : 0;

	if (move->form->traits & V_STORE) {
		__builtin_memcpy(move->memory, &value, sizeof(value));
		return;
	}
	if (move->form->kind != V_MMX_ELEMENT)
		value = 0;
	__builtin_memcpy((u8 *)&value + at, move->memory, move->bytes);
	xsave_mmx_set(layout, move->image, em->in.reg, value);
}

static void emulate_vector_exchange_register(const struct emulation *em, struct vector_move *move)
{
	if (vector_form_is_mmx(move->form)) {
		emulate_vector_exchange_mmx(em, move);
	} else if (move->form->traits & V_STORE) {
		xsave_vector_get(em->emulator->xsave, move->image, em->in.reg, move->value);
		memcpy(move->memory, move->value + emulate_vector_place_in_register(em, move),
		       move->bytes);
	} else {
		emulate_vector_set_register(em, move);
	}
}

/* Checks whether the guest's kernel lets the registers be used: SDM vol. 3, 2.5; vol. 2, 2.4. */
static enum emulate_result emulate_vector_check_available(struct emulation *em,
							  const struct vector_move *move)
{
	const struct vcpu_page *page = em->page;
	bool legacy = em->in.encoding == X86_LEGACY;
	u64 enabled = !legacy ? CR4_OSXSAVE : vector_form_is_mmx(move->form) ? 0 : CR4_OSFXSR;

	if ((legacy && page->cr0 & CR0_EM) || (page->cr4 & enabled) != enabled ||
	    move->form->traits & (move->length == 16 ? V_LONG : V_SHORT))
		return emulate_fault(em, VECTOR_UD);
	return page->cr0 & CR0_TS ? emulate_fault(em, VECTOR_NM) : EMULATE_DONE;
}

/*
 * Finds the instruction's form in the table of vector moves. AVX-512's moves with masks or embedded
 * broadcasts are not emulated.
 */
static const struct vector_form *emulate_vector_find_form(const struct emulation *em)
{
	const struct x86_instruction *in = &em->in;
	const struct vector_form *form = vector_form_of(in);

	if (form == NULL || x86_has_memory(in) == vector_form_is_implied(form) ||
	    (in->encoding == X86_EVEX &&
	     (in->evex_mask & (BIT(7) | BIT(4) | BITS(2, 0)) || in->vector_length > 2)))
		return NULL;
	return form;
}

enum emulate_result emulate_vector(struct emulation *em)
{
	struct vector_move move = {.form = emulate_vector_find_form(em)};
	u32 must_align = em->in.encoding == X86_LEGACY ? V_ALIGNED | V_OLD_ALIGNED : V_ALIGNED;
	enum emulate_result result;

	if (move.form == NULL || em->emulator->ops->vectors == NULL)
		return EMULATE_UNSUPPORTED;
	move.length = em->in.encoding == X86_LEGACY ? 16 : 16u << em->in.vector_length;
	move.bytes = emulate_vector_memory_bytes(em, &move);
	result = emulate_vector_check_available(em, &move);
	if (result != EMULATE_DONE)
		return result;
	move.image = em->emulator->ops->vectors(em->emulator->device);
	if (move.image == NULL)
		return EMULATE_UNSUPPORTED;
	/* EVEX scales a displacement of 8 bits by the operand's size (SDM vol. 2, 2.7.5) */
	if (em->in.encoding == X86_EVEX && em->in.displacement_bytes == 1)
		em->in.displacement *= (s32)move.bytes;
	result = emulate_vector_find_pieces(em, &move);
	if (result != EMULATE_DONE)
		return result;
	if (move.form->traits & must_align &&
	    !is_aligned(move.piece[0].operand.place.gpa[0].value, move.bytes))
		return emulate_fault(em, VECTOR_GP);

	if (!(move.form->traits & V_STORE))
		emulate_vector_transfer(em, &move);
	emulate_vector_exchange_register(em, &move);
	if (move.form->traits & V_STORE)
		emulate_vector_transfer(em, &move);
	em->page->dirty |= VCPU_XSAVE;
	return EMULATE_DONE;
}
