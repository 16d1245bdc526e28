/* SPDX-License-Identifier: MIT */
/*
 * Tables of x86 opcodes for decode.c: which have ModRM and immediates, and which do not exist.
 * Constant data only.
 */
#include "vmm/monitor/x86/tables.h"
#include "lib/bits.h"

/* Primary opcodes: SDM vol. 2, table A-2. */
const char x86_map_primary[257] = "MMMMbz..MMMMbz.p" /* 00 to 0f */
				  "MMMMbz..MMMMbz.." /* 10 to 1f */
				  "MMMMbzp.MMMMbzp." /* 20 to 2f */
				  "MMMMbzp.MMMMbzp." /* 30 to 3f */
				  "................" /* 40 to 4f */
				  "................" /* 50 to 5f */
				  "..MMppppzZbB...." /* 60 to 6f */
				  "bbbbbbbbbbbbbbbb" /* 70 to 7f */
				  "BZBBMMMMMMMMMMMM" /* 80 to 8f */
				  "..........f....." /* 90 to 9f */
				  "aaaa....bz......" /* a0 to af */
				  "bbbbbbbbvvvvvvvv" /* b0 to bf */
				  "BBw.MMBZe.w..b.." /* c0 to cf */
				  "MMMMbb..MMMMMMMM" /* d0 to df */
				  "bbbbbbbbjjfb...." /* e0 to ef */
				  "p.pp..TU......MM" /* f0 to ff */;

/*
 * Opcodes behind the byte 0f: SDM vol. 2, table A-3; 0e and 0f are 3DNow!'s (APM vol. 3, appendix
 * A).
 */
const char x86_map_0f[257] = "MMMM-.....-.-M.B" /* 00 to 0f */
			     "MMMMMMMMMMMMMMMM" /* 10 to 1f */
			     "RRRRR-R-MMMMMMMM" /* 20 to 2f */
			     "......-.p-p-----" /* 30 to 3f */
			     "MMMMMMMMMMMMMMMM" /* 40 to 4f */
			     "MMMMMMMMMMMMMMMM" /* 50 to 5f */
			     "MMMMMMMMMMMMMMMM" /* 60 to 6f */
			     "BBBBMMM.MM--MMMM" /* 70 to 7f */
			     "jjjjjjjjjjjjjjjj" /* 80 to 8f */
			     "MMMMMMMMMMMMMMMM" /* 90 to 9f */
			     "...MBMMM...MBMMM" /* a0 to af */
			     "MMMMMMMMMMBMMMMM" /* b0 to bf */
			     "MMBMBBBM........" /* c0 to cf */
			     "MMMMMMMMMMMMMMMM" /* d0 to df */
			     "MMMMMMMMMMMMMMMM" /* e0 to ef */
			     "MMMMMMMMMMMMMMMM" /* f0 to ff */;

char x86_map_vector(u8 map, u8 opcode)
{
	switch (map) {
	case 1:
		if (opcode == 0x77) /* opcode 77: VZEROUPPER and VZEROALL have no ModRM byte */
			return '.';
		return (opcode & 0xfc) == 0x70 || opcode == 0xc2 ||
				       (opcode >= 0xc4 && opcode <= 0xc6)
			       ? 'B'
			       : 'M';
	case 2:
	case 5:
	case 6:
	case 9:
		return 'M';
	case 3:
	case 8:
		return 'B';
	case 10:
		return 'D';
	default:
		return '-';
	}
}

/*
 * Returns whether the opcode does not exist in 64-bit mode: SDM vol. 2, 2.2.1.2 and the i64 marks
 * of table A-2.
 */
bool x86_invalid_in_64(u8 opcode)
{
	static const u64 invalid[4] = {
		BIT(0x06) | BIT(0x07) | BIT(0x0e) | BIT(0x16) | BIT(0x17) | BIT(0x1e) | BIT(0x1f) |
			BIT(0x27) | BIT(0x2f) | BIT(0x37) | BIT(0x3f),
		BIT(0x60 - 0x40) | BIT(0x61 - 0x40),
		BIT(0x82 - 0x80) | BIT(0x9a - 0x80),
		BIT(0xce - 0xc0) | BIT(0xd4 - 0xc0) | BIT(0xd5 - 0xc0) | BIT(0xd6 - 0xc0) |
			BIT(0xea - 0xc0),
	};

	return invalid[opcode >> 6] >> (opcode & 63) & 1;
}
