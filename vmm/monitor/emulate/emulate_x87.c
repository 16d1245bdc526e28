/* SPDX-License-Identifier: MIT */
/*
 * Executes x87 loads and stores (SDM vol. 1, chapter 8), without arithmetic and without the
 * instructions that move the whole state. Called by emulate_execute.c; changes the vCPU's XSAVE
 * area. The pointers to the last instruction and operand are not maintained.
 */
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/x87_number.h"
#include "vmm/monitor/x86/xsave.h"

#define STATUS_C1    BIT(9)
#define CONTROL_MASK 0x1f3fu
#define CONTROL_ONE  BIT(6) /* a reserved bit of the control word, which reads as 1 */

enum x87_kind { X87_REAL, X87_INTEGER, X87_CONTROL, X87_STATUS };
enum x87_trait { X87_STORE = 1, X87_POP = 2, X87_TRUNCATE = 4 };

struct x87_form {
	u8 opcode;
	u8 group;
	u8 kind;
	u8 bytes;
	u8 traits;
};

static const struct x87_form x87_forms[] = {
	{0xd9, 0, X87_REAL, 4, 0},
	{0xd9, 2, X87_REAL, 4, X87_STORE},
	{0xd9, 3, X87_REAL, 4, X87_STORE | X87_POP},
	{0xd9, 5, X87_CONTROL, 2, 0},
	{0xd9, 7, X87_CONTROL, 2, X87_STORE},
	{0xdb, 0, X87_INTEGER, 4, 0},
	{0xdb, 1, X87_INTEGER, 4, X87_STORE | X87_POP | X87_TRUNCATE},
	{0xdb, 2, X87_INTEGER, 4, X87_STORE},
	{0xdb, 3, X87_INTEGER, 4, X87_STORE | X87_POP},
	{0xdb, 5, X87_REAL, 10, 0},
	{0xdb, 7, X87_REAL, 10, X87_STORE | X87_POP},
	{0xdd, 0, X87_REAL, 8, 0},
	{0xdd, 1, X87_INTEGER, 8, X87_STORE | X87_POP | X87_TRUNCATE},
	{0xdd, 2, X87_REAL, 8, X87_STORE},
	{0xdd, 3, X87_REAL, 8, X87_STORE | X87_POP},
	{0xdd, 7, X87_STATUS, 2, X87_STORE},
	{0xdf, 0, X87_INTEGER, 2, 0},
	{0xdf, 1, X87_INTEGER, 2, X87_STORE | X87_POP | X87_TRUNCATE},
	{0xdf, 2, X87_INTEGER, 2, X87_STORE},
	{0xdf, 3, X87_INTEGER, 2, X87_STORE | X87_POP},
	{0xdf, 5, X87_INTEGER, 8, 0},
	{0xdf, 7, X87_INTEGER, 8, X87_STORE | X87_POP},
};

struct x87_move {
	const struct x87_form *form;
	struct xsave_x87 x87;
	/* the places in memory: a number of 10 bytes (extended real) has two */
	struct emulate_operand piece[2];
};

static const struct x87_form *x87_form_of(const struct x86_instruction *in)
{
	for (u32 i = 0; i < ARRAY_COUNT(x87_forms); i++)
		if (x87_forms[i].opcode == in->opcode && x87_forms[i].group == (in->reg & 7))
			return &x87_forms[i];
	return NULL;
}

static enum emulate_result x87_find(struct emulation *em, struct x87_move *move)
{
	u32 access = move->form->traits & X87_STORE ? WALK_WRITE : WALK_READ;
	enum emulate_result result;

	em->size = MIN(move->form->bytes, 8);
	result = emulate_operand(em, access, &move->piece[0]);
	if (result != EMULATE_DONE || move->form->bytes <= 8)
		return result;
	em->size = 2;
	return emulate_operand_at(em, 8, access, &move->piece[1]);
}

static struct x87_bits x87_get(const struct emulation *em, const struct x87_move *move)
{
	struct x87_bits bits = {.low = emulate_load(em, &move->piece[0].place)};

	if (move->form->bytes > 8)
		bits.high = (u16)emulate_load(em, &move->piece[1].place);
	return bits;
}

static void x87_put(const struct emulation *em, const struct x87_move *move, struct x87_bits bits)
{
	emulate_store(em, &move->piece[0].place, bits.low);
	if (move->form->bytes > 8)
		emulate_store(em, &move->piece[1].place, bits.high);
}

/* Sets ES and B of the status word, which follow from the exceptions that are not masked. */
static void x87_summarise(struct xsave_x87 *x87)
{
	x87->status &= (u16) ~(X87_ES | X87_BUSY);
	if (x87->status & ~x87->control & X87_EXCEPTIONS)
		x87->status |= X87_ES | X87_BUSY;
}

/*
 * Sets exceptions and C1 in the status word. Returns whether the instruction may still have its
 * effect: no exception in `fatal` is unmasked.
 */
static bool x87_raise(struct xsave_x87 *x87, u32 exceptions, u32 fatal, bool c1)
{
	x87->status = (u16)((x87->status & ~STATUS_C1) | exceptions | (c1 ? STATUS_C1 : 0));
	if (exceptions & X87_EXCEPTIONS)
		x87_summarise(x87);
	return !(exceptions & fatal & ~x87->control);
}

static u32 x87_top(const struct xsave_x87 *x87)
{
	return (u32)bits_get(x87->status, 13, 11);
}

static void x87_set_top(struct xsave_x87 *x87, u32 top)
{
	x87->status = (u16)((x87->status & ~BITS(13, 11)) | (top & 7) << 11);
}

static void x87_push(struct xsave_x87 *x87, struct x87_bits value)
{
	x87_set_top(x87, x87_top(x87) + 7);
	for (u32 i = 7; i > 0; i--)
		x87->st[i] = x87->st[i - 1];
	x87->st[0] = value;
	x87->tags |= (u8)BIT(x87_top(x87));
}

static void x87_pop(struct xsave_x87 *x87)
{
	struct x87_bits first = x87->st[0];

	x87->tags &= (u8)~BIT(x87_top(x87));
	for (u32 i = 0; i < 7; i++)
		x87->st[i] = x87->st[i + 1];
	x87->st[7] = first;
	x87_set_top(x87, x87_top(x87) + 1);
}

static void x87_load(struct xsave_x87 *x87, const struct x87_form *form, struct x87_bits bits)
{
	u32 exceptions = 0;
	struct x87_bits value = bits;

	if (x87->tags & BIT((x87_top(x87) + 7) & 7)) {
		if (x87_raise(x87, X87_IE | X87_SF, X87_IE, true))
			x87_push(x87, X87_INDEFINITE);
		return;
	}
	if (form->kind == X87_INTEGER)
		value = x87_from_integer(bits.low, form->bytes);
	else if (form->bytes < 10)
		value = x87_from_real(bits.low, form->bytes, &exceptions);
	if (x87_raise(x87, exceptions, X87_IE, false))
		x87_push(x87, value);
}

/*
 * Converts the top of the register stack to the instruction's format in memory. Returns whether
 * *bits is to be stored.
 */
static bool x87_store(struct xsave_x87 *x87, const struct x87_form *form, struct x87_bits *bits)
{
	struct x87_rounding rounding = {.control = x87->control};

	if (form->traits & X87_TRUNCATE)
		rounding.control |= X87_TRUNCATING;
	if (!(x87->tags & BIT(x87_top(x87)))) {
		rounding.exceptions = X87_IE | X87_SF;
		*bits = form->kind == X87_INTEGER ? x87_integer_indefinite(form->bytes)
						  : x87_real_indefinite(form->bytes);
	} else if (form->kind == X87_INTEGER) {
		bits->low = x87_to_integer(x87->st[0], form->bytes, &rounding);
	} else if (form->bytes < 10) {
		bits->low = x87_to_real(x87->st[0], form->bytes, &rounding);
	} else {
		*bits = x87->st[0];
	}
	return x87_raise(x87, rounding.exceptions, X87_IE | X87_OE | X87_UE, rounding.up);
}

static void x87_execute(const struct emulation *em, struct x87_move *move)
{
	const struct x87_form *form = move->form;
	struct xsave_x87 *x87 = &move->x87;
	struct x87_bits bits = {0};

	if (!(form->traits & X87_STORE))
		bits = x87_get(em, move);
	switch ((enum x87_kind)form->kind) {
	case X87_STATUS:
		bits.low = x87->status;
		break;
	case X87_CONTROL:
		if (form->traits & X87_STORE) {
			bits.low = x87->control;
			break;
		}
		x87->control = (u16)((bits.low & CONTROL_MASK) | CONTROL_ONE);
		x87_summarise(x87);
		return;
	default:
		if (!(form->traits & X87_STORE)) {
			x87_load(x87, form, bits);
			return;
		}
		if (!x87_store(x87, form, &bits))
			return;
		if (form->traits & X87_POP)
			x87_pop(x87);
		break;
	}
	x87_put(em, move, bits);
}

/* Executes the opcodes d8 to df with an operand in memory. */
enum emulate_result emulate_x87(struct emulation *em)
{
	struct x87_move move = {.form = x87_form_of(&em->in)};
	enum emulate_result result;
	u8 *image;

	if (move.form == NULL || !x86_has_memory(&em->in) || em->emulator->ops->vectors == NULL)
		return EMULATE_UNSUPPORTED;
	/* with one of these bits set the instruction raises #NM (SDM vol. 3, 2.5) */
	if (em->page->cr0 & (CR0_EM | CR0_TS))
		return emulate_fault(em, VECTOR_NM);
	result = x87_find(em, &move);
	if (result != EMULATE_DONE)
		return result;
	image = em->emulator->ops->vectors(em->emulator->device);
	if (image == NULL)
		return EMULATE_UNSUPPORTED;
	xsave_x87_get(em->emulator->xsave, image, &move.x87);
	x87_execute(em, &move);
	xsave_x87_set(em->emulator->xsave, image, &move.x87);
	em->page->dirty |= VCPU_XSAVE;
	return EMULATE_DONE;
}
