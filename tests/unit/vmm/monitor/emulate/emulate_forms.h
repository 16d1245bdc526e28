/* SPDX-License-Identifier: MIT */
#pragma once

/* The instructions for which the emulator is compared with the CPU. */
#include "lib/types.h"

enum form_trait {
	WIDTH = 1 << 0, /* bit 0 of the opcode: byte or operand size */
	LOCKABLE = 1 << 1,
	MEMORY = 1 << 2, /* memory operands only */
	/* the instruction is natively atomic: its operand stays inside a cache line */
	ALIGNED = 1 << 3,
	COUNTED = 1 << 4, /* RCX is often a small count */
	DOUBLE = 1 << 5,  /* SHLD, SHRD */
	BIT_FAR = 1 << 6, /* the bit offset in the register may reach beyond the operand */
	BRANCH = 1 << 7,  /* memory holds LANDING */
	STACK = 1 << 8,	  /* RSP points into the data */
	NO_66 = 1 << 9,
	COMPARE = 1 << 10, /* RAX is often what is in memory */
	PAIR = 1 << 11,	   /* CMPXCHG8B and 16B: RDX:RAX is often what is in memory */
	REPEAT = 1 << 12,  /* the instruction has a mandatory F3 prefix */
	DIVIDE = 1 << 13,  /* RDX:RAX is a dividend whose quotient fits */
};

struct form {
	const char *name;
	u8 opcode[3];
	u8 opcode_bytes;
	s8 group;	/* ModRM.reg, or -1: any register */
	char immediate; /* 0, 'b', 'z' */
	u32 traits;
};

static const struct form forms[] = {
	{"add", {0x00}, 1, -1, 0, WIDTH | LOCKABLE},
	{"add r", {0x02}, 1, -1, 0, WIDTH},
	{"or", {0x08}, 1, -1, 0, WIDTH | LOCKABLE},
	{"or r", {0x0a}, 1, -1, 0, WIDTH},
	{"adc", {0x10}, 1, -1, 0, WIDTH | LOCKABLE},
	{"adc r", {0x12}, 1, -1, 0, WIDTH},
	{"sbb", {0x18}, 1, -1, 0, WIDTH | LOCKABLE},
	{"sbb r", {0x1a}, 1, -1, 0, WIDTH},
	{"and", {0x20}, 1, -1, 0, WIDTH | LOCKABLE},
	{"and r", {0x22}, 1, -1, 0, WIDTH},
	{"sub", {0x28}, 1, -1, 0, WIDTH | LOCKABLE},
	{"sub r", {0x2a}, 1, -1, 0, WIDTH},
	{"xor", {0x30}, 1, -1, 0, WIDTH | LOCKABLE},
	{"xor r", {0x32}, 1, -1, 0, WIDTH},
	{"cmp", {0x38}, 1, -1, 0, WIDTH},
	{"cmp r", {0x3a}, 1, -1, 0, WIDTH},
	{"movsxd", {0x63}, 1, -1, 0, NO_66},
	{"add i8", {0x80}, 1, 0, 'b', LOCKABLE},
	{"adc i", {0x81}, 1, 2, 'z', LOCKABLE},
	{"sbb i", {0x83}, 1, 3, 'b', LOCKABLE},
	{"or i", {0x83}, 1, 1, 'b', LOCKABLE},
	{"and i", {0x81}, 1, 4, 'z', LOCKABLE},
	{"sub i", {0x81}, 1, 5, 'z', LOCKABLE},
	{"xor i", {0x80}, 1, 6, 'b', LOCKABLE},
	{"cmp i", {0x81}, 1, 7, 'z', 0},
	{"cmp i8", {0x83}, 1, 7, 'b', 0},
	{"test", {0x84}, 1, -1, 0, WIDTH},
	{"xchg", {0x86}, 1, -1, 0, WIDTH | LOCKABLE | ALIGNED},
	{"mov store", {0x88}, 1, -1, 0, WIDTH},
	{"mov load", {0x8a}, 1, -1, 0, WIDTH},
	{"mov ds", {0x8c}, 1, 3, 0, 0},
	{"pop", {0x8f}, 1, 0, 0, STACK},
	{"rol i", {0xc0}, 1, 0, 'b', WIDTH | COUNTED},
	{"ror i", {0xc0}, 1, 1, 'b', WIDTH | COUNTED},
	{"rcl i", {0xc0}, 1, 2, 'b', WIDTH | COUNTED},
	{"rcr i", {0xc0}, 1, 3, 'b', WIDTH | COUNTED},
	{"shl i", {0xc0}, 1, 4, 'b', WIDTH | COUNTED},
	{"shr i", {0xc0}, 1, 5, 'b', WIDTH | COUNTED},
	{"sal i", {0xc0}, 1, 6, 'b', WIDTH | COUNTED},
	{"sar i", {0xc0}, 1, 7, 'b', WIDTH | COUNTED},
	{"mov i8", {0xc6}, 1, 0, 'b', 0},
	{"mov i", {0xc7}, 1, 0, 'z', 0},
	{"rol 1", {0xd0}, 1, 0, 0, WIDTH | COUNTED},
	{"ror 1", {0xd0}, 1, 1, 0, WIDTH | COUNTED},
	{"rcl 1", {0xd0}, 1, 2, 0, WIDTH | COUNTED},
	{"rcr 1", {0xd0}, 1, 3, 0, WIDTH | COUNTED},
	{"shl 1", {0xd0}, 1, 4, 0, WIDTH | COUNTED},
	{"shr 1", {0xd0}, 1, 5, 0, WIDTH | COUNTED},
	{"sar 1", {0xd0}, 1, 7, 0, WIDTH | COUNTED},
	{"rol cl", {0xd2}, 1, 0, 0, WIDTH | COUNTED},
	{"ror cl", {0xd2}, 1, 1, 0, WIDTH | COUNTED},
	{"rcl cl", {0xd2}, 1, 2, 0, WIDTH | COUNTED},
	{"rcr cl", {0xd2}, 1, 3, 0, WIDTH | COUNTED},
	{"shl cl", {0xd2}, 1, 4, 0, WIDTH | COUNTED},
	{"shr cl", {0xd2}, 1, 5, 0, WIDTH | COUNTED},
	{"sar cl", {0xd2}, 1, 7, 0, WIDTH | COUNTED},
	{"test i8", {0xf6}, 1, 0, 'b', 0},
	{"test i", {0xf7}, 1, 1, 'z', 0},
	{"not", {0xf6}, 1, 2, 0, WIDTH | LOCKABLE},
	{"mul", {0xf6}, 1, 4, 0, WIDTH},
	{"imul", {0xf6}, 1, 5, 0, WIDTH},
	{"div", {0xf6}, 1, 6, 0, WIDTH | DIVIDE},
	{"idiv", {0xf6}, 1, 7, 0, WIDTH | DIVIDE},
	{"imul r i", {0x69}, 1, -1, 'z', 0},
	{"imul r i8", {0x6b}, 1, -1, 'b', 0},
	{"imul r", {0x0f, 0xaf}, 2, -1, 0, 0},
	{"popcnt", {0x0f, 0xb8}, 2, -1, 0, REPEAT},
	{"bsf", {0x0f, 0xbc}, 2, -1, 0, 0},
	{"bsr", {0x0f, 0xbd}, 2, -1, 0, 0},
	{"tzcnt", {0x0f, 0xbc}, 2, -1, 0, REPEAT},
	{"lzcnt", {0x0f, 0xbd}, 2, -1, 0, REPEAT},
	{"neg", {0xf6}, 1, 3, 0, WIDTH | LOCKABLE},
	{"inc", {0xfe}, 1, 0, 0, WIDTH | LOCKABLE},
	{"dec", {0xfe}, 1, 1, 0, WIDTH | LOCKABLE},
	{"call", {0xff}, 1, 2, 0, MEMORY | BRANCH | STACK | NO_66},
	{"jmp", {0xff}, 1, 4, 0, MEMORY | BRANCH | NO_66},
	{"push", {0xff}, 1, 6, 0, STACK},
	{"nop", {0x0f, 0x1f}, 2, 0, 0, 0},
	{"cmovo", {0x0f, 0x40}, 2, -1, 0, 0},
	{"cmovnc", {0x0f, 0x43}, 2, -1, 0, 0},
	{"cmovz", {0x0f, 0x44}, 2, -1, 0, 0},
	{"cmova", {0x0f, 0x47}, 2, -1, 0, 0},
	{"cmovs", {0x0f, 0x48}, 2, -1, 0, 0},
	{"cmovnp", {0x0f, 0x4b}, 2, -1, 0, 0},
	{"cmovl", {0x0f, 0x4c}, 2, -1, 0, 0},
	{"cmovg", {0x0f, 0x4f}, 2, -1, 0, 0},
	{"setno", {0x0f, 0x91}, 2, 0, 0, 0},
	{"setc", {0x0f, 0x92}, 2, 0, 0, 0},
	{"setbe", {0x0f, 0x96}, 2, 0, 0, 0},
	{"setp", {0x0f, 0x9a}, 2, 0, 0, 0},
	{"setge", {0x0f, 0x9d}, 2, 0, 0, 0},
	{"setle", {0x0f, 0x9e}, 2, 0, 0, 0},
	{"bt", {0x0f, 0xa3}, 2, -1, 0, BIT_FAR},
	{"bts", {0x0f, 0xab}, 2, -1, 0, BIT_FAR | LOCKABLE},
	{"btr", {0x0f, 0xb3}, 2, -1, 0, BIT_FAR | LOCKABLE},
	{"btc", {0x0f, 0xbb}, 2, -1, 0, BIT_FAR | LOCKABLE},
	{"bt i", {0x0f, 0xba}, 2, 4, 'b', 0},
	{"bts i", {0x0f, 0xba}, 2, 5, 'b', LOCKABLE},
	{"btr i", {0x0f, 0xba}, 2, 6, 'b', LOCKABLE},
	{"btc i", {0x0f, 0xba}, 2, 7, 'b', LOCKABLE},
	{"shld i", {0x0f, 0xa4}, 2, -1, 'b', COUNTED | DOUBLE},
	{"shld cl", {0x0f, 0xa5}, 2, -1, 0, COUNTED | DOUBLE},
	{"shrd i", {0x0f, 0xac}, 2, -1, 'b', COUNTED | DOUBLE},
	{"shrd cl", {0x0f, 0xad}, 2, -1, 0, COUNTED | DOUBLE},
	{"cmpxchg", {0x0f, 0xb0}, 2, -1, 0, WIDTH | LOCKABLE | MEMORY | COMPARE},
	{"movzx b", {0x0f, 0xb6}, 2, -1, 0, 0},
	{"movzx w", {0x0f, 0xb7}, 2, -1, 0, 0},
	{"movsx b", {0x0f, 0xbe}, 2, -1, 0, 0},
	{"movsx w", {0x0f, 0xbf}, 2, -1, 0, 0},
	{"xadd", {0x0f, 0xc0}, 2, -1, 0, WIDTH | LOCKABLE},
	{"movnti", {0x0f, 0xc3}, 2, -1, 0, MEMORY | NO_66},
	{"cmpxchg8b", {0x0f, 0xc7}, 2, 1, 0, MEMORY | LOCKABLE | PAIR | ALIGNED | NO_66},
	{"movbe load", {0x0f, 0x38, 0xf0}, 3, -1, 0, MEMORY},
	{"movbe store", {0x0f, 0x38, 0xf1}, 3, -1, 0, MEMORY},
};
