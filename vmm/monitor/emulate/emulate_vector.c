/* SPDX-License-Identifier: MIT */
/* SSE and AVX between memory and MMX or vector registers: moves, no arithmetic. */
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/walk.h"
#include "vmm/monitor/xsave.h"

#define V_PIECE	   8u /* bytes that go to memory at a time, at most */
#define PIECES_MAX (XSAVE_VECTOR_BYTES / V_PIECE)

enum vector_kind {
	V_FULL,	     /* all of the vector's length */
	V_SCALAR,    /* `bytes` of memory, above them zeros; VEX.L says nothing */
	V_GENERAL,   /* likewise, of 4 or 8 bytes by the operand size */
	V_LOW,	     /* the low half of 16 bytes, the other half of another register or kept */
	V_HIGH,	     /* the high half */
	V_EVEN,	     /* the even elements of `bytes`, each twice */
	V_ODD,	     /* the odd ones */
	V_BROADCAST, /* `bytes` as often as they fit */
	V_ELEMENT,   /* one of `bytes` that the immediate selects, in 16 */
	V_LANE,	     /* one of `bytes`, in all of the register */
	V_MMX,	     /* 8 bytes */
	V_MMX_GENERAL, /* 4 or 8 by the operand size */
};

enum vector_trait {
	V_STORE = 1 << 0,
	V_ALIGNED = 1 << 1, /* else #GP, however the vector is encoded */
	V_VEX_ONLY = 1 << 2,
	V_ELEMENT_W = 1 << 3, /* `bytes` doubles with REX.W */
	V_LONG = 1 << 4, /* #UD with 128 bits */
};

/* Mandatory prefixes as VEX.pp has them: none, 66, F3, F2. */
enum { NP = 1 << 0, P66 = 1 << 1, PF3 = 1 << 2, PF2 = 1 << 3 };

struct vector_form {
	u8 map;
	u8 opcode;
	u8 prefixes;
	u8 kind;
	u8 bytes;
	u8 traits;
};

/* SDM vol. 2, chapters 3 to 5. */
static const struct vector_form vector_forms[] = {
	{X86_MAP_0F, 0x10, NP | P66, V_FULL, 0, 0}, /* MOVUPS, MOVUPD */
	{X86_MAP_0F, 0x11, NP | P66, V_FULL, 0, V_STORE},
	{X86_MAP_0F, 0x10, PF3, V_SCALAR, 4, 0}, /* MOVSS */
	{X86_MAP_0F, 0x11, PF3, V_SCALAR, 4, V_STORE},
	{X86_MAP_0F, 0x10, PF2, V_SCALAR, 8, 0}, /* MOVSD */
	{X86_MAP_0F, 0x11, PF2, V_SCALAR, 8, V_STORE},
	{X86_MAP_0F, 0x12, NP | P66, V_LOW, 8, 0}, /* MOVLPS, MOVLPD */
	{X86_MAP_0F, 0x13, NP | P66, V_LOW, 8, V_STORE},
	{X86_MAP_0F, 0x12, PF3, V_EVEN, 4, 0}, /* MOVSLDUP */
	{X86_MAP_0F, 0x16, PF3, V_ODD, 4, 0},  /* MOVSHDUP */
	{X86_MAP_0F, 0x12, PF2, V_EVEN, 8, 0}, /* MOVDDUP */
	{X86_MAP_0F, 0x16, NP | P66, V_HIGH, 8, 0}, /* MOVHPS, MOVHPD */
	{X86_MAP_0F, 0x17, NP | P66, V_HIGH, 8, V_STORE},
	{X86_MAP_0F, 0x28, NP | P66, V_FULL, 0, V_ALIGNED}, /* MOVAPS, MOVAPD */
	{X86_MAP_0F, 0x29, NP | P66, V_FULL, 0, V_ALIGNED | V_STORE},
	{X86_MAP_0F, 0x2b, NP | P66, V_FULL, 0, V_ALIGNED | V_STORE}, /* MOVNTPS, MOVNTPD */
	{X86_MAP_0F, 0x6e, NP, V_MMX_GENERAL, 0, 0}, /* MOVD, MOVQ */
	{X86_MAP_0F, 0x7e, NP, V_MMX_GENERAL, 0, V_STORE},
	{X86_MAP_0F, 0x6e, P66, V_GENERAL, 0, 0},
	{X86_MAP_0F, 0x7e, P66, V_GENERAL, 0, V_STORE},
	{X86_MAP_0F, 0x7e, PF3, V_SCALAR, 8, 0}, /* MOVQ */
	{X86_MAP_0F, 0xd6, P66, V_SCALAR, 8, V_STORE},
	{X86_MAP_0F, 0x6f, NP, V_MMX, 8, 0}, /* MOVQ */
	{X86_MAP_0F, 0x7f, NP, V_MMX, 8, V_STORE},
	{X86_MAP_0F, 0x6f, P66, V_FULL, 0, V_ALIGNED}, /* MOVDQA */
	{X86_MAP_0F, 0x7f, P66, V_FULL, 0, V_ALIGNED | V_STORE},
	{X86_MAP_0F, 0x6f, PF3, V_FULL, 0, 0}, /* MOVDQU */
	{X86_MAP_0F, 0x7f, PF3, V_FULL, 0, V_STORE},
	{X86_MAP_0F, 0xe7, NP, V_MMX, 8, V_STORE}, /* MOVNTQ */
	{X86_MAP_0F, 0xe7, P66, V_FULL, 0, V_ALIGNED | V_STORE}, /* MOVNTDQ */
	{X86_MAP_0F, 0xf0, PF2, V_FULL, 0, 0}, /* LDDQU */
	{X86_MAP_0F, 0xc4, P66, V_ELEMENT, 2, 0}, /* PINSRW */
	{X86_MAP_0F38, 0x2a, P66, V_FULL, 0, V_ALIGNED}, /* MOVNTDQA */
	{X86_MAP_0F38, 0x18, P66, V_BROADCAST, 4, V_VEX_ONLY}, /* VBROADCASTSS */
	{X86_MAP_0F38, 0x19, P66, V_BROADCAST, 8, V_VEX_ONLY | V_LONG},
	{X86_MAP_0F38, 0x1a, P66, V_BROADCAST, 16, V_VEX_ONLY | V_LONG},
	{X86_MAP_0F38, 0x58, P66, V_BROADCAST, 4, V_VEX_ONLY}, /* VPBROADCASTD */
	{X86_MAP_0F38, 0x59, P66, V_BROADCAST, 8, V_VEX_ONLY},
	{X86_MAP_0F38, 0x5a, P66, V_BROADCAST, 16, V_VEX_ONLY | V_LONG},
	{X86_MAP_0F38, 0x78, P66, V_BROADCAST, 1, V_VEX_ONLY}, /* VPBROADCASTB */
	{X86_MAP_0F38, 0x79, P66, V_BROADCAST, 2, V_VEX_ONLY},
	{X86_MAP_0F3A, 0x14, P66, V_ELEMENT, 1, V_STORE}, /* PEXTRB */
	{X86_MAP_0F3A, 0x15, P66, V_ELEMENT, 2, V_STORE},
	{X86_MAP_0F3A, 0x16, P66, V_ELEMENT, 4, V_STORE | V_ELEMENT_W}, /* PEXTRD, PEXTRQ */
	{X86_MAP_0F3A, 0x17, P66, V_ELEMENT, 4, V_STORE}, /* EXTRACTPS */
	{X86_MAP_0F3A, 0x20, P66, V_ELEMENT, 1, 0}, /* PINSRB */
	{X86_MAP_0F3A, 0x22, P66, V_ELEMENT, 4, V_ELEMENT_W},
	{X86_MAP_0F3A, 0x18, P66, V_LANE, 16, V_VEX_ONLY | V_LONG}, /* VINSERTF128 */
	{X86_MAP_0F3A, 0x38, P66, V_LANE, 16, V_VEX_ONLY | V_LONG},
	{X86_MAP_0F3A, 0x19, P66, V_LANE, 16, V_VEX_ONLY | V_LONG | V_STORE}, /* VEXTRACTF128 */
	{X86_MAP_0F3A, 0x39, P66, V_LANE, 16, V_VEX_ONLY | V_LONG | V_STORE},
};

struct vector_move {
	const struct vector_form *form;
	u32 length; /* of the vector: 16, 32, 64 */
	u32 bytes;  /* in memory */
	u8 memory[XSAVE_VECTOR_BYTES];
	u8 value[XSAVE_VECTOR_BYTES]; /* of the register */
	struct emulate_operand piece[PIECES_MAX];
};

/* Of 66, F3 and F2 as legacy encodings have them, the last two win (SDM vol. 2, 2.1.1). */
static u8 prefix_of(const struct x86_instruction *in)
{
	if (in->encoding != X86_LEGACY)
		return (u8)BIT(in->vector_prefix);
	if (in->prefixes & X86_PREFIX_REPNE)
		return PF2;
	if (in->prefixes & X86_PREFIX_REP)
		return PF3;
	return in->prefixes & X86_PREFIX_OPERAND ? P66 : NP;
}

static const struct vector_form *form_of(const struct x86_instruction *in)
{
	u8 prefix = prefix_of(in);

	for (u32 i = 0; i < ARRAY_COUNT(vector_forms); i++)
		if (vector_forms[i].map == in->map && vector_forms[i].opcode == in->opcode &&
		    vector_forms[i].prefixes & prefix &&
		    !(vector_forms[i].traits & V_VEX_ONLY && in->encoding == X86_LEGACY))
			return &vector_forms[i];
	return NULL;
}

/* Masks and embedded broadcasts are no plain moves; F2 is another element size of 6f and 7f. */
static bool evex_is_plain(struct emulation *em, const struct vector_form **form)
{
	if (em->in.evex_mask & (BIT(7) | BIT(4) | BITS(2, 0)))
		return false;
	if (em->in.map == X86_MAP_0F && (em->in.opcode & 0xef) == 0x6f &&
	    em->in.vector_prefix == 3) {
		em->in.vector_prefix = 2;
		*form = form_of(&em->in);
	}
	return *form != NULL && (*form)->kind == V_FULL && em->in.vector_length <= 2;
}

static u32 memory_bytes(const struct emulation *em, const struct vector_move *move)
{
	const struct vector_form *form = move->form;
	bool wide = em->in.rex & 8;

	switch (form->kind) {
	case V_FULL:
	case V_ODD:
		return move->length;
	case V_EVEN: /* MOVDDUP has half as much in 16 bytes */
		return form->bytes == 8 && move->length == 16 ? 8 : move->length;
	case V_GENERAL:
	case V_MMX_GENERAL:
		return wide ? 8 : 4;
	default:
		return form->traits & V_ELEMENT_W && wide ? 2u * form->bytes : form->bytes;
	}
}

/* All pieces are found before the first is touched. */
static enum emulate_result find_pieces(struct emulation *em, struct vector_move *move)
{
	u32 access = move->form->traits & V_STORE ? WALK_WRITE : WALK_READ;
	enum emulate_result result = EMULATE_DONE;

	for (u32 at = 0; at < move->bytes && result == EMULATE_DONE; at += V_PIECE) {
		em->size = MIN(move->bytes - at, V_PIECE);
		result = emulate_operand_at(em, at, access, &move->piece[at / V_PIECE]);
	}
	return result;
}

static void transfer(const struct emulation *em, struct vector_move *move)
{
	for (u32 at = 0; at < move->bytes; at += V_PIECE) {
		const struct emulate_place *place = &move->piece[at / V_PIECE].place;
		u32 count = MIN(move->bytes - at, V_PIECE);
		u64 value = 0;

		if (move->form->traits & V_STORE) {
			__builtin_memcpy(&value, move->memory + at, count);
			emulate_store(em, place, value);
		} else {
			value = emulate_load(em, place);
			__builtin_memcpy(move->memory + at, &value, count);
		}
	}
}

/* Where in the register what is in memory belongs. */
static u32 place_in_register(const struct emulation *em, const struct vector_move *move)
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

static void duplicate(struct vector_move *move)
{
	u32 size = move->form->bytes;
	u32 odd = move->form->kind == V_ODD ? size : 0;

	for (u32 at = 0; at < move->length; at++)
		move->value[at] = move->memory[at / (2 * size) * (2 * size) + odd + at % size];
}

/* The register's new value, of which what it shall keep is there already. */
static void compose(const struct emulation *em, struct vector_move *move)
{
	switch (move->form->kind) {
	case V_EVEN:
	case V_ODD:
		duplicate(move);
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
		memcpy(move->value + place_in_register(em, move), move->memory, move->bytes);
		break;
	}
}

/* Whether what else is in the vector comes from VEX.vvvv instead of the register itself. */
static bool merges(const struct vector_move *move)
{
	return move->form->kind == V_LOW || move->form->kind == V_HIGH ||
	       move->form->kind == V_ELEMENT || move->form->kind == V_LANE;
}

/* VEX and EVEX clear what is above the vector, other instructions keep it. */
static void set_register(const struct emulation *em, u8 *image, struct vector_move *move)
{
	const struct xsave_layout *layout = em->emulator->xsave;
	u32 changed = em->in.encoding == X86_LEGACY ? 16 : XSAVE_VECTOR_BYTES;

	xsave_vector_get(layout, image,
			 merges(move) && em->in.encoding != X86_LEGACY ? em->in.vector_register
								      : em->in.reg,
			 move->value);
	compose(em, move);
	if (em->in.encoding != X86_LEGACY)
		memset(move->value + move->length, 0, XSAVE_VECTOR_BYTES - move->length);
	xsave_vector_set(layout, image, em->in.reg, move->value, changed);
}

static void exchange_register(const struct emulation *em, u8 *image, struct vector_move *move)
{
	const struct xsave_layout *layout = em->emulator->xsave;
	bool store = move->form->traits & V_STORE;
	u64 value = 0;

	if (move->form->kind == V_MMX || move->form->kind == V_MMX_GENERAL) {
		if (store) {
			value = xsave_mmx_get(layout, image, em->in.reg);
			__builtin_memcpy(move->memory, &value, sizeof(value));
		} else {
			__builtin_memcpy(&value, move->memory, sizeof(value));
			xsave_mmx_set(layout, image, em->in.reg, value);
		}
	} else if (store) {
		xsave_vector_get(layout, image, em->in.reg, move->value);
		memcpy(move->memory, move->value + place_in_register(em, move), move->bytes);
	} else {
		set_register(em, image, move);
	}
}

/* SDM vol. 3, 2.5; vol. 2, 2.4: whose the registers are the guest's kernel says. */
static enum emulate_result check_available(struct emulation *em, const struct vector_form *form)
{
	const struct vcpu_page *page = em->page;
	bool mmx = form->kind == V_MMX || form->kind == V_MMX_GENERAL;

	if (em->in.encoding != X86_LEGACY ? !(page->cr4 & CR4_OSXSAVE) :
		    page->cr0 & CR0_EM || !(mmx || page->cr4 & CR4_OSFXSR))
		return emulate_fault(em, VECTOR_UD);
	return page->cr0 & CR0_TS ? emulate_fault(em, VECTOR_NM) : EMULATE_DONE;
}

enum emulate_result emulate_vector(struct emulation *em)
{
	const struct vector_form *form = form_of(&em->in);
	struct vector_move move = {0};
	enum emulate_result result;
	u8 *image;

	if (em->in.encoding == X86_EVEX && !evex_is_plain(em, &form))
		return EMULATE_UNSUPPORTED;
	if (form == NULL || !x86_has_memory(&em->in) || em->emulator->ops->vectors == NULL)
		return EMULATE_UNSUPPORTED;
	result = check_available(em, form);
	if (result != EMULATE_DONE)
		return result;
	move.form = form;
	move.length = em->in.encoding == X86_LEGACY ? 16 : 16u << em->in.vector_length;
	if (move.length == 16 && form->traits & V_LONG)
		return emulate_fault(em, VECTOR_UD);
	move.bytes = memory_bytes(em, &move);
	/* SDM vol. 2, 2.7.5 */
	if (em->in.encoding == X86_EVEX && em->in.displacement_bytes == 1)
		em->in.displacement *= (s32)move.bytes;
	result = find_pieces(em, &move);
	if (result != EMULATE_DONE)
		return result;
	if (form->traits & V_ALIGNED && !is_aligned(move.piece[0].place.gpa[0].value, move.bytes))
		return emulate_fault(em, VECTOR_GP);

	image = em->emulator->ops->vectors(em->emulator->device);
	if (image == NULL)
		return EMULATE_UNSUPPORTED;
	if (!(form->traits & V_STORE))
		transfer(em, &move);
	exchange_register(em, image, &move);
	if (form->traits & V_STORE)
		transfer(em, &move);
	em->page->dirty |= VCPU_XSAVE;
	return EMULATE_DONE;
}
