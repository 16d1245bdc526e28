/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Arithmetic as the CPU does it, on operands of 1, 2, 4 or 8 bytes, with RFLAGS in and out. */

/* Operations of group 1, in the order of their encoding (SDM vol. 2, table A-6). */
enum alu_operation { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

/* Operations of group 2, in the order of their encoding (SDM vol. 2, table A-6). */
enum alu_shift { ALU_ROL, ALU_ROR, ALU_RCL, ALU_RCR, ALU_SHL, ALU_SHR, ALU_SAL, ALU_SAR };

/*
 * Executes an operation of group 1. ALU_CMP returns the difference, as ALU_SUB does. Operand bits
 * above `size` are ignored.
 */
u64 alu_binary(enum alu_operation operation, u64 a, u64 b, u32 size, u64 *flags);

/* Executes INC (by 1) or DEC (by -1); CF keeps its value. */
u64 alu_step(u64 a, s64 by, u32 size, u64 *flags);

u64 alu_shift(enum alu_shift operation, u64 value, u32 count, u32 size, u64 *flags);

/*
 * Executes SHLD (left) or SHRD: `value` is shifted, and bits of `fill` move into the free places.
 */
u64 alu_shift_double(bool left, u64 value, u64 fill, u32 count, u32 size, u64 *flags);

/*
 * Returns whether the condition of Jcc, SETcc or CMOVcc with this 4-bit code holds (SDM vol. 1,
 * table B-1).
 */
bool alu_condition(u8 code, u64 flags);
