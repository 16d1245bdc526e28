/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * What follows an opcode, one letter each. A capital has a ModRM byte, a small letter has none;
 * the letter is the immediate behind it:
 *
 *   m  nothing            .  nothing, no ModRM      -  no such instruction
 *   b  1 byte             w  2 bytes                d  4 bytes
 *   z  operand size, at most 4 bytes                v  operand size
 *   j  branch: operand size, at most 4 bytes        a  address size (moffs)
 *   f  far pointer: operand size, 2 bytes           e  ENTER: 2 bytes, 1 byte
 *   r  nothing; ModRM is a register whatever its mod field says (MOV CR, DR, TR)
 *   t  1 byte for ModRM.reg 0 and 1 only (F6)       u  the same, operand size as z (F7)
 *   p  prefix or escape: never looked up
 */
extern const char x86_map_primary[257];
extern const char x86_map_0f[257];

/*
 * Returns the letter of an opcode in a map of VEX, EVEX and XOP (1, 2, 3, 5, 6, 8, 9, 10); '-' for
 * no map.
 */
char x86_map_vector(u8 map, u8 opcode);

/* Returns whether a primary opcode is #UD in 64-bit mode. */
bool x86_invalid_in_64(u8 opcode);
