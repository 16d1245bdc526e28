/* SPDX-License-Identifier: MIT */
/*
 * Executes instructions that ring 3 may not, or that might reveal something, and touches any
 * address. Called by child.c as two of its moves.
 */
#include "tests/hostile/hostile.h"

/* instruction_cells.S; in the text, since nothing else can be executed */
struct cell {
	u64 value;
	u8 code[24];
};
extern const struct cell instruction_cells[], instruction_cells_end[];

struct table_register {
	u16 limit;
	u64 base;
} PACKED;

/*
 * Stores the descriptor tables. UMIP makes these instructions fault; without it they must not
 * reveal where the kernel lies.
 */
static void store_tables(u64 which)
{
	struct table_register table = {0};
	u64 word = 0;

	if (which == 0)
		__asm__ volatile("sgdt %0" : "=m"(table));
	else if (which == 1)
		__asm__ volatile("sidt %0" : "=m"(table));
	else if (which == 2)
		__asm__ volatile("smsw %0" : "=r"(word));
	else
		__asm__ volatile("str %0" : "=r"(word));
	if (is_image_address(table.base) || is_kernel_address(word))
		leak(LEAK_TABLE, which, table.base | word);
}

void instruction_play(struct hostile *self)
{
	u64 count = (u64)(instruction_cells_end - instruction_cells);
	u64 number = draw(self) % (count + 4);
	u64 value;

	if (number >= count) {
		store_tables(number - count);
		return;
	}
	value = instruction_cells[number].value;
	__asm__ volatile("call *%0"
			 :
			 : "r"(instruction_cells[number].code), "a"(value), "c"(value), "d"(value)
			 : "memory");
}

/* Reads or writes a byte, or eight, which may cross the end of what is mapped. */
void touch_play(struct hostile *self)
{
	static const u64 inside[] = {0, PAGE_SIZE - 1, PAGE_SIZE - 4, 2 * PAGE_SIZE - 7};
	u64 at = draw_value(self);

	if (draw(self) % 4 == 0)
		at = (u64)start_info + START_BYTES - PAGE_SIZE + inside[draw(self) % 4];
	shared->touches++;
	switch (draw(self) % 4) {
	case 0:
		(void)*(volatile u8 *)at;
		break;
	case 1:
		(void)*(volatile u64 *)at;
		break;
	case 2:
		*(volatile u64 *)at = draw(self);
		break;
	default:
		__asm__ volatile("lock incq (%0)" ::"r"(at) : "memory", "cc");
		break;
	}
	shared->touched++;
}
