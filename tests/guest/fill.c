/* SPDX-License-Identifier: MIT */
/* Touches its RAM by 2 MiB, between two MiB: each piece is clear, and keeps what is written. */
#include "tests/guest/rt/devices.h"

#define PIECE (2 * MIB)

void guest_main(void)
{
	u64 first = option_number("first", 1024) * MIB;
	u64 end = option_number("end", 2048) * MIB;
	u64 set = 0;
	u64 lost = 0;

	pic_mask_all();
	for (u64 at = first; at < end; at += PIECE) {
		volatile u64 *own = (volatile u64 *)(at + at / PIECE % 512 * sizeof(u64));

		set += *own != 0;
		*own = ~at;
	}
	for (u64 at = first; at < end; at += PIECE)
		lost += *(volatile u64 *)(at + at / PIECE % 512 * sizeof(u64)) != ~at;
	check("clear", set == 0, "somebody's words were there");
	check("kept", lost == 0, "words are lost");
	/* what is mapped stays for whoever looks */
	for (;;)
		halt();
}
