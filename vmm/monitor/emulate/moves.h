/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "lib/bits.h"
#include "vmm/monitor/x86/decode.h"

#define MOVES_KEPT 16u

/*
 * A decoded MOV, MOVZX or MOVSX between memory and a register, or MOV of an immediate to memory, in
 * 64-bit mode and without a segment override. Guests mostly reach their devices by these.
 */
struct ALIGNED(64) move { /* aligned, so that a shift indexes an array of moves */
	u64 rip;
	u64 code[2]; /* the code bytes from which the move was decoded, and those behind it */
	u64 immediate;
	u64 displacement; /* the constant part of the address, to which base and index are added */
	/* the instruction's length; 0: the instruction is no plain move, or was not decoded yet */
	u8 length;
	u8 bytes;	 /* the size of the memory access */
	u8 result_bytes; /* for loads: how many bytes of the register change */
	bool store;
	bool sign; /* for loads: the value is sign-extended, not zero-extended */
	/*
	 * the register that is loaded or stored, enum vcpu_gpr; X86_REG_NONE: the move stores the
	 * immediate
	 */
	u8 reg;
	u8 base;  /* the address's base register: enum vcpu_gpr, X86_REG_RIP or X86_REG_NONE */
	u8 index; /* the address's index register: enum vcpu_gpr or X86_REG_NONE */
	u8 scale;
};

/*
 * A cache of decoded moves, keyed by the instruction's address and code bytes, so that no change to
 * code or page tables makes an entry stale.
 */
struct moves {
	struct move kept[MOVES_KEPT];
};

/* Decodes into *move the code bytes in the vCPU page, which lie at its RIP. */
void moves_decode(struct move *move, const struct vcpu_page *page);

/*
 * Returns the plain move at RIP, by the code bytes in the vCPU page (VCPU_CODE); NULL if the
 * instruction is no such move.
 */
static inline const struct move *moves_find(struct moves *moves, const struct vcpu_page *page)
{
	struct move *move = &moves->kept[(page->rip ^ page->rip >> 5) % MOVES_KEPT];
	u64 code[2];

	/* The kernel puts 16 bytes of code into the vCPU page only in 64-bit mode. */
	if (!(page->valid & VCPU_CODE) || page->code_bytes != sizeof(code))
		return NULL;
	__builtin_memcpy(code, page->code, sizeof(code));
	if (unlikely(move->rip != page->rip || move->code[0] != code[0] ||
		     move->code[1] != code[1]))
		moves_decode(move, page);
	return move->length != 0 ? move : NULL;
}

/* Returns the linear address that the move reaches. */
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

/* Returns the value that the move stores. */
static inline u64 moves_value(const struct move *move, const struct vcpu_page *page)
{
	u64 value = move->reg < GPR_COUNT ? page->gpr[move->reg] : move->immediate;

	return value & BITS(8u * move->bytes - 1, 0);
}

/* Puts the value that was loaded from memory into the move's register. */
static inline void moves_load(const struct move *move, struct vcpu_page *page, u64 value)
{
	u64 *reg = &page->gpr[move->reg % GPR_COUNT];
	u32 unused = 64u - 8u * move->bytes;
	u64 mask;

	value = move->sign ? (u64)((s64)(value << unused) >> unused) : value << unused >> unused;
	/*
	 * A load of 32 bits clears the register's upper half; a shorter load leaves the higher
	 * bytes unchanged (SDM vol. 1, 3.4.1.1).
	 */
	if (move->result_bytes >= 4) {
		*reg = move->result_bytes == 4 ? (u32)value : value;
		return;
	}
	mask = BITS(8u * move->result_bytes - 1, 0);
	*reg = (*reg & ~mask) | (value & mask);
}
