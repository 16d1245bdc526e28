/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "lib/bits.h"
#include "vmm/monitor/x86/decode.h"

#define MOVES_KEPT 16u

/*
 * One plain MOV, MOVZX or MOVSX between memory and a register, or of an immediate to memory, in
 * 64-bit mode and without a segment of its own: what guests reach their devices with.
 */
struct ALIGNED(64) move { /* indexed by a shift */
	u64 rip;
	u64 code[2]; /* the bytes it was decoded from, and those that followed */
	u64 immediate;
	u64 displacement; /* or all of the address */
	u8 length;	  /* 0: another instruction, or none yet */
	u8 bytes;	  /* of the access */
	u8 result_bytes;  /* loads: of the register that change */
	bool store;
	bool sign; /* loads: extended by the sign */
	u8 reg;	   /* enum vcpu_gpr or X86_REG_NONE: stores the immediate */
	u8 base;   /* enum vcpu_gpr, X86_REG_RIP or X86_REG_NONE */
	u8 index;  /* enum vcpu_gpr or X86_REG_NONE */
	u8 scale;
};

/* Decoded moves by address and code bytes: no change to code or page tables makes one stale. */
struct moves {
	struct move kept[MOVES_KEPT];
};

/* Decodes the code in the page, at its RIP. */
void moves_decode(struct move *move, const struct vcpu_page *page);

/* The move at RIP, by the code in the page (VCPU_CODE); NULL: it is no such move. */
static inline const struct move *moves_find(struct moves *moves, const struct vcpu_page *page)
{
	struct move *move = &moves->kept[(page->rip ^ page->rip >> 5) % MOVES_KEPT];
	u64 code[2];

	/* The kernel gives that many in 64-bit mode, and only there. */
	if (!(page->valid & VCPU_CODE) || page->code_bytes != sizeof(code))
		return NULL;
	__builtin_memcpy(code, page->code, sizeof(code));
	if (unlikely(move->rip != page->rip || move->code[0] != code[0] ||
		     move->code[1] != code[1]))
		moves_decode(move, page);
	return move->length != 0 ? move : NULL;
}

/* The linear address that it reaches. */
static inline u64 moves_address(const struct move *move, const struct vcpu_page *page)
{
	u64 address = move->displacement;

	if (move->base < GPR_COUNT)
		address += page->gpr[move->base];
	else if (move->base == X86_REG_RIP)
		address += page->rip + move->length;
	if (move->index < GPR_COUNT)
		address += page->gpr[move->index] << move->scale;
	return address;
}

/* What it stores. */
static inline u64 moves_value(const struct move *move, const struct vcpu_page *page)
{
	u64 value = move->reg < GPR_COUNT ? page->gpr[move->reg] : move->immediate;

	return value & BITS(8u * move->bytes - 1, 0);
}

/* Puts the value that a load got into its register. */
static inline void moves_load(const struct move *move, struct vcpu_page *page, u64 value)
{
	u64 *reg = &page->gpr[move->reg % GPR_COUNT];
	u32 unused = 64u - 8u * move->bytes;
	u64 mask;

	value = move->sign ? (u64)((s64)(value << unused) >> unused) : value << unused >> unused;
	/* SDM vol. 1, 3.4.1.1: 32 bits clear the upper half, fewer leave what is above them. */
	if (move->result_bytes >= 4) {
		*reg = move->result_bytes == 4 ? (u32)value : value;
		return;
	}
	mask = BITS(8u * move->result_bytes - 1, 0);
	*reg = (*reg & ~mask) | (value & mask);
}
