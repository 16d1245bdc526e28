/* SPDX-License-Identifier: MIT */
/* * Scans the prefixes of an x86 instruction. Called by decode.c; a pure function of the bytes. */
#include "vmm/monitor/x86/prefix.h"

static u8 x86_repeat(u8 flags, u8 prefix)
{
	return (u8)((flags & ~(X86_PREFIX_REP | X86_PREFIX_REPNE)) | prefix);
}

/* Takes one prefix byte into *out; returns false if it is no prefix. */
static bool x86_take_prefix(u8 byte, enum x86_mode mode, struct x86_prefixes *out)
{
	if (mode == X86_MODE_64 && (byte & 0xf0) == 0x40) {
		out->rex = byte;
		return true;
	}
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		if (mode != X86_MODE_64)
			out->segment = (byte >> 3) & 3;
		break;
	case 0x64:
	case 0x65:
		out->segment = byte & 7;
		break;
	case 0x66:
		out->flags |= X86_PREFIX_OPERAND;
		break;
	case 0x67:
		out->flags |= X86_PREFIX_ADDRESS;
		break;
	case 0xf0:
		out->flags |= X86_PREFIX_LOCK;
		break;
	case 0xf2:
		out->flags = x86_repeat(out->flags, X86_PREFIX_REPNE);
		break;
	case 0xf3:
		out->flags = x86_repeat(out->flags, X86_PREFIX_REP);
		break;
	default:
		return false;
	}
	/* A REX that does not immediately precede the opcode is ignored (SDM vol. 2, 2.2.1). */
	out->rex = 0;
	return true;
}

void x86_scan_prefixes(const u8 *bytes, size_t available, enum x86_mode mode,
		       struct x86_prefixes *out)
{
	size_t limit = MIN(available, X86_LENGTH_MAX);

	*out = (struct x86_prefixes){.segment = X86_SEGMENT_NONE};
	while (out->count < limit && x86_take_prefix(bytes[out->count], mode, out))
		out->count++;
}
