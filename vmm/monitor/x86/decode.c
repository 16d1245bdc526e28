/* SPDX-License-Identifier: MIT */
/*
 * Decodes an x86 instruction: length, prefixes, opcode and operands. Called by emulate.c and
 * moves.c; a pure function of the bytes.
 */
#include "vmm/monitor/x86/decode.h"
#include "vmm/monitor/x86/tables.h"

enum rex { REX = 0x40, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1 };

/*
 * The bytes still to be decoded. Reading past the end gives 0 and notes why the instruction cannot
 * be decoded, which callers check once, at the end.
 */
struct cursor {
	const u8 *bytes;
	size_t available;
	size_t at;
	enum x86_status status;
};

/*
 * Returns whether `count` more bytes are there; if not, notes why the instruction cannot be
 * decoded.
 */
static bool x86_expect(struct cursor *cursor, unsigned int count)
{
	if (cursor->status != X86_OK)
		return false;
	if (cursor->at + count <= MIN(cursor->available, X86_LENGTH_MAX))
		return true;
	cursor->status = cursor->available < X86_LENGTH_MAX ? X86_INCOMPLETE : X86_TOO_LONG;
	return false;
}

static u8 x86_take(struct cursor *cursor)
{
	return x86_expect(cursor, 1) ? cursor->bytes[cursor->at++] : 0;
}

/* Returns the next byte without taking it. */
static u8 x86_peek(struct cursor *cursor)
{
	return x86_expect(cursor, 1) ? cursor->bytes[cursor->at] : 0;
}

static u64 x86_take_bytes(struct cursor *cursor, unsigned int count)
{
	const u8 *bytes = cursor->bytes + cursor->at;
	u64 value = 0;

	if (!x86_expect(cursor, count))
		return 0;
	for (unsigned int i = 0; i < count; i++)
		value |= (u64)bytes[i] << (8 * i);
	cursor->at += count;
	return value;
}

static u64 x86_sign_extend(u64 value, unsigned int bytes)
{
	unsigned int shift = 64 - 8 * bytes;

	return bytes == 0 ? 0 : (u64)((s64)(value << shift) >> shift);
}

/*
 * Takes a VEX or XOP prefix: C5 R.vvvv.L.pp, or C4 and 8F RXB.mmmmm W.vvvv.L.pp, registers inverted
 * (SDM vol. 2, 2.3.5).
 */
static void x86_take_vex(struct cursor *cursor, u8 escape, struct x86_instruction *out)
{
	u8 p0 = escape == 0xc5 ? (x86_take(cursor) ^ 0x80) : (x86_take(cursor) ^ 0xe0);
	u8 p1 = escape == 0xc5 ? (p0 & 0x7f) : x86_take(cursor);

	out->encoding = escape == 0x8f ? X86_XOP : X86_VEX;
	out->map = escape == 0xc5 ? X86_MAP_0F : p0 & 0x1f;
	out->rex = (u8)(REX | (p1 >> 4 & REX_W));
	out->rex |= escape == 0xc5 ? p0 >> 5 & REX_R : p0 >> 5;
	out->vector_wide = p1 >> 7;
	out->vector_register = (p1 >> 3 & 15) ^ 15;
	out->vector_length = p1 >> 2 & 1;
	out->vector_prefix = p1 & 3;
	out->opcode = x86_take(cursor);
}

/*
 * Takes an EVEX prefix: 62 RXBR'0mmm Wvvvv1pp zL'LbV'aaa (SDM vol. 2, 2.7.1); returns R' as 16 or
 * 0.
 */
static u8 x86_take_evex(struct cursor *cursor, struct x86_instruction *out)
{
	u8 p0 = x86_take(cursor) ^ 0xf0;
	u8 p1 = x86_take(cursor);
	u8 p2 = x86_take(cursor);

	if (cursor->status == X86_OK && (p0 & 8 || !(p1 & 4)))
		cursor->status = X86_INVALID;
	out->encoding = X86_EVEX;
	out->map = p0 & 7;
	out->rex = (u8)(REX | (p1 >> 4 & REX_W) | p0 >> 5);
	out->vector_wide = p1 >> 7;
	out->vector_register = (u8)(((p1 >> 3 & 15) ^ 15) | (~p2 & 8) << 1);
	out->vector_prefix = p1 & 3;
	out->vector_length = p2 >> 5 & 3;
	out->evex_mask = p2;
	out->opcode = x86_take(cursor);
	return p0 & 16;
}

/*
 * Returns whether the byte begins a vector prefix. In 16- and 32-bit code it begins LDS, LES or
 * BOUND unless the next byte names a register.
 */
static bool x86_is_vector_escape(struct cursor *cursor, u8 byte, enum x86_mode mode)
{
	switch (byte) {
	case 0xc4:
	case 0xc5:
	case 0x62:
		return mode == X86_MODE_64 || x86_peek(cursor) >= 0xc0;
	case 0x8f: /* POP has ModRM.reg 0, XOP a map of at least 8 (APM vol. 3, 1.2.8) */
		return (x86_peek(cursor) & 0x1f) >= 8;
	default:
		return false;
	}
}

/* Takes the opcode with its escapes; returns the letter for the bytes behind it (tables.h). */
static char x86_take_opcode(struct cursor *cursor, enum x86_mode mode, struct x86_instruction *out,
			    u8 *reg_extension)
{
	u8 byte = x86_take(cursor);

	if (x86_is_vector_escape(cursor, byte, mode)) {
		if (out->rex != 0 || out->prefixes & ~X86_PREFIX_ADDRESS)
			return '-';
		if (byte == 0x62)
			*reg_extension = x86_take_evex(cursor, out);
		else
			x86_take_vex(cursor, byte, out);
		if (mode != X86_MODE_64) {
			/*
			 * outside 64-bit mode there are only eight registers of 4 bytes, and the
			 * bits are ignored
			 */
			out->rex = 0;
			out->vector_register &= 7;
			*reg_extension = 0;
		}
		return out->map == 0 ? '-' : x86_map_vector(out->map, out->opcode);
	}
	out->opcode = byte;
	if (byte != 0x0f)
		return mode == X86_MODE_64 && x86_invalid_in_64(byte) ? '-' : x86_map_primary[byte];

	out->opcode = x86_take(cursor);
	out->map = X86_MAP_0F;
	if (out->opcode != 0x38 && out->opcode != 0x3a)
		return x86_map_0f[out->opcode];
	out->map = out->opcode == 0x38 ? X86_MAP_0F38 : X86_MAP_0F3A;
	out->opcode = x86_take(cursor);
	return out->map == X86_MAP_0F38 ? 'M' : 'B';
}

static void x86_set_sizes(enum x86_mode mode, struct x86_instruction *out)
{
	bool operand = out->prefixes & X86_PREFIX_OPERAND;
	bool address = out->prefixes & X86_PREFIX_ADDRESS;

	switch (mode) {
	case X86_MODE_16:
		out->operand_bytes = operand ? 4 : 2;
		out->address_bytes = address ? 4 : 2;
		break;
	case X86_MODE_32:
		out->operand_bytes = operand ? 2 : 4;
		out->address_bytes = address ? 2 : 4;
		break;
	case X86_MODE_64:
		out->operand_bytes = out->rex & REX_W ? 8 : operand ? 2 : 4;
		out->address_bytes = address ? 4 : 8;
		break;
	}
}

/* Sets the memory operand of 16-bit addressing: SDM vol. 2, table 2-1. */
static void x86_set_memory_16(struct x86_instruction *out)
{
	static const u8 base[8] = {3, 3, 5, 5, X86_REG_NONE, X86_REG_NONE, 5, 3};
	static const u8 index[8] = {6, 7, 6, 7, 6, 7, X86_REG_NONE, X86_REG_NONE};
	u8 rm = out->rm & 7;

	out->base = base[rm];
	out->index = index[rm];
	out->displacement_bytes = out->mod;
	if (out->mod == 0 && rm == 6) {
		out->base = X86_REG_NONE;
		out->displacement_bytes = 2;
	}
}

/*
 * Takes the memory operand of 32- and 64-bit addressing from the bytes: SDM vol. 2, tables 2-2 and
 * 2-3.
 */
static void x86_take_memory_32(struct cursor *cursor, enum x86_mode mode,
			       struct x86_instruction *out)
{
	u8 low = out->rm & 7;

	out->base = out->rm;
	out->displacement_bytes = out->mod == 2 ? 4 : out->mod;
	if (low == 4) {
		u8 sib = x86_take(cursor);

		low = sib & 7;
		out->base = (u8)(low | (out->rex & REX_B ? 8 : 0));
		out->index = (u8)((sib >> 3 & 7) | (out->rex & REX_X ? 8 : 0));
		out->scale = sib >> 6;
		if (out->index == 4)
			out->index = X86_REG_NONE;
		if (low == 5 && out->mod == 0) {
			out->base = X86_REG_NONE;
			out->displacement_bytes = 4;
		}
	} else if (low == 5 && out->mod == 0) {
		out->base = mode == X86_MODE_64 ? X86_REG_RIP : X86_REG_NONE;
		out->displacement_bytes = 4;
	}
}

static void x86_take_modrm(struct cursor *cursor, enum x86_mode mode, char letter, u8 reg_extension,
			   struct x86_instruction *out)
{
	u8 byte = x86_take(cursor);

	out->has_modrm = true;
	out->mod = letter == 'R' ? 3 : byte >> 6;
	out->reg = (u8)((byte >> 3 & 7) | (out->rex & REX_R ? 8 : 0) | reg_extension);
	out->rm = (u8)((byte & 7) | (out->rex & REX_B ? 8 : 0));
	if (out->mod == 3)
		return;
	if (out->address_bytes == 2)
		x86_set_memory_16(out);
	else
		x86_take_memory_32(cursor, mode, out);
	out->displacement = (s32)x86_sign_extend(x86_take_bytes(cursor, out->displacement_bytes),
						 out->displacement_bytes);
}

/*
 * Returns the size in bytes of the immediate for the letter `kind`; sets *second to that of a
 * second immediate behind it.
 */
static u8 x86_immediate_size(char kind, const struct x86_instruction *out, u8 *second)
{
	u8 word = MIN(out->operand_bytes, 4);

	*second = 0;
	switch (kind) {
	case 'b':
		return 1;
	case 'w':
		return 2;
	case 'd':
		return 4;
	case 'v':
		return out->operand_bytes;
	case 'a':
		return out->address_bytes;
	/*
	 * Prefix 66 shortens a near branch in 64-bit mode, too (APM vol. 3); Intel CPUs ignore the
	 * prefix there.
	 */
	case 'j':
	case 'z':
		return word;
	case 'f':
		*second = 2;
		return word;
	case 'e':
		*second = 1;
		return 2;
	case 't':
		return (out->reg & 7) <= 1 ? 1 : 0;
	case 'u':
		return (out->reg & 7) <= 1 ? word : 0;
	default:
		return 0;
	}
}

static void x86_take_immediate(struct cursor *cursor, char letter, struct x86_instruction *out)
{
	char kind = (char)(letter | 0x20);
	u8 second;
	u8 size = x86_immediate_size(kind, out, &second);

	/* EXTRQ and INSERTQ with two immediates (APM vol. 4, SSE4A) share VMREAD's opcode. */
	if (out->encoding == X86_LEGACY && out->map == X86_MAP_0F && out->opcode == 0x78 &&
	    out->prefixes & (X86_PREFIX_OPERAND | X86_PREFIX_REPNE)) {
		size = 1;
		second = 1;
	}
	out->immediate = x86_take_bytes(cursor, size);
	if (kind != 'w' && kind != 'e' && kind != 'a' && kind != 'f')
		out->immediate = x86_sign_extend(out->immediate, size);
	out->immediate2 = (u16)x86_take_bytes(cursor, second);
	out->immediate_bytes = (u8)(size + second);
}

enum x86_status x86_decode(const u8 *bytes, size_t available, enum x86_mode mode,
			   struct x86_instruction *out)
{
	struct cursor cursor = {.bytes = bytes, .available = available};
	struct x86_prefixes prefixes;
	u8 reg_extension = 0;
	char letter;

	x86_scan_prefixes(bytes, available, mode, &prefixes);
	*out = (struct x86_instruction){
		.prefixes = prefixes.flags,
		.segment = prefixes.segment,
		.rex = prefixes.rex,
		.base = X86_REG_NONE,
		.index = X86_REG_NONE,
	};
	cursor.at = prefixes.count;

	letter = x86_take_opcode(&cursor, mode, out, &reg_extension);
	if (cursor.status != X86_OK)
		return cursor.status;
	if (letter == '-')
		return X86_INVALID;
	x86_set_sizes(mode, out);
	if (letter >= 'A' && letter <= 'Z')
		x86_take_modrm(&cursor, mode, letter, reg_extension, out);
	x86_take_immediate(&cursor, letter, out);
	out->length = (u8)cursor.at;
	return cursor.status;
}
