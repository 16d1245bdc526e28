/* SPDX-License-Identifier: MIT */
/*
 * Writes the data and interrupt vectors that a PC's BIOS leaves in low memory. Called by load.c for
 * real-mode guests; writes to guest RAM.
 */
#include "vmm/monitor/load/bios.h"

#include "lib/string.h"
#include "vmm/monitor/load/bytes.h"
#include "vmm/monitor/memory/layout.h"

#define BIOS_SEGMENT (LAYOUT_BIOS >> 4)
#define VECTORS	     256u

/* The most bytes that one handler in LAYOUT_BIOS takes. */
#define HANDLER_BYTES 32u

enum bios_handler {
	HANDLER_RETURN,
	HANDLER_TIMER,
	HANDLER_MASTER,
	HANDLER_SLAVE,
	HANDLER_EQUIPMENT,
	HANDLER_MEMORY,
	HANDLER_SERVICE,
	HANDLER_RESTART,
	HANDLER_COUNT,
};

/* clang-format off */
static const u8 handlers[HANDLER_COUNT][HANDLER_BYTES] = {
	[HANDLER_RETURN] = {
		0xcf,				/* iret */
	},
	[HANDLER_TIMER] = {
		0x1e, 0x50,			/* push %ds; push %ax */
		0x31, 0xc0, 0x8e, 0xd8,		/* xor %ax, %ax; mov %ax, %ds */
		0x66, 0xff, 0x06, 0x6c, 0x04,	/* incl 0x46c */
		0xcd, 0x1c,			/* int $0x1c */
		0xb0, 0x20, 0xe6, 0x20,		/* mov $0x20, %al; out %al, $0x20 */
		0x58, 0x1f, 0xcf,		/* pop %ax; pop %ds; iret */
	},
	[HANDLER_MASTER] = {
		0x50,				/* push %ax */
		0xb0, 0x20, 0xe6, 0x20,		/* mov $0x20, %al; out %al, $0x20 */
		0x58, 0xcf,			/* pop %ax; iret */
	},
	[HANDLER_SLAVE] = {
		0x50,				/* push %ax */
		0xb0, 0x20, 0xe6, 0xa0,		/* mov $0x20, %al; out %al, $0xa0 */
		0xe6, 0x20,			/* out %al, $0x20 */
		0x58, 0xcf,			/* pop %ax; iret */
	},
	[HANDLER_EQUIPMENT] = {
		0x1e, 0x31, 0xc0, 0x8e, 0xd8,	/* push %ds; xor %ax, %ax; mov %ax, %ds */
		0xa1, 0x10, 0x04,		/* mov 0x410, %ax */
		0x1f, 0xcf,			/* pop %ds; iret */
	},
	[HANDLER_MEMORY] = {
		0x1e, 0x31, 0xc0, 0x8e, 0xd8,	/* push %ds; xor %ax, %ax; mov %ax, %ds */
		0xa1, 0x13, 0x04,		/* mov 0x413, %ax */
		0x1f, 0xcf,			/* pop %ds; iret */
	},
	[HANDLER_SERVICE] = {
		0x55, 0x89, 0xe5,		/* push %bp; mov %sp, %bp */
		0x80, 0x4e, 0x06, 0x01,		/* orb $1, 6(%bp): CF of the caller */
		0x5d,				/* pop %bp */
		0xb4, 0x86,			/* mov $0x86, %ah: function not supported */
		0xcf,				/* iret */
	},
	[HANDLER_RESTART] = {
		0xba, 0xf9, 0x0c,		/* mov $RESET_CONTROL_PORT, %dx */
		0xb0, 0x02, 0xee,		/* mov $RESET_CONTROL_SYSTEM, %al; out %al, %dx */
		0xb0, 0x06, 0xee,		/* write RESET_CONTROL_CPU to the port in DX */
		0xf4, 0xeb, 0xfd,		/* hlt, and jmp to the hlt */
	},
};

/*
 * The bytes at FFFF:0: a jump to the reset, as programs in real mode use it, then the BIOS's date
 * and the model byte of a PC/AT.
 */
static const u8 entry[16] = {
	0xea, HANDLER_RESTART * HANDLER_BYTES, 0x00, BIOS_SEGMENT & 0xff, BIOS_SEGMENT >> 8,
	'0', '1', '/', '0', '1', '/', '2', '6', 0x00, 0xfc, 0x00,
};
/* clang-format on */

static enum bios_handler bios_handler_of(size_t vector)
{
	if (vector == 0x08)
		return HANDLER_TIMER;
	if (vector > 0x08 && vector <= 0x0f)
		return HANDLER_MASTER;
	if (vector >= 0x70 && vector <= 0x77)
		return HANDLER_SLAVE;
	if (vector == 0x11)
		return HANDLER_EQUIPMENT;
	if (vector == 0x12)
		return HANDLER_MEMORY;
	/* the vectors of "nothing to boot from" (0x18) and "boot" (0x19) both reset the VM */
	if (vector == 0x18 || vector == 0x19)
		return HANDLER_RESTART;
	/* vectors 0x1b to 0x1f are called by other handlers, or point to tables */
	return vector >= 0x10 && vector <= 0x1a ? HANDLER_SERVICE : HANDLER_RETURN;
}

void bios_write(u8 *ram)
{
	memcpy(ram + LAYOUT_BIOS, handlers, sizeof(handlers));
	memcpy(ram + LAYOUT_BIOS_ENTRY, entry, sizeof(entry));
	for (size_t vector = 0; vector < VECTORS; vector++) {
		put_u16(ram + 4 * vector, (u16)(bios_handler_of(vector) * HANDLER_BYTES));
		put_u16(ram + 4 * vector + 2, (u16)BIOS_SEGMENT);
	}
	/*
	 * the words of the BIOS data area that programs look for: COM1, EBDA segment, KiB below the
	 * EBDA
	 */
	memset(ram + LAYOUT_BDA, 0, 0x100);
	put_u16(ram + LAYOUT_BDA, 0x3f8);
	put_u16(ram + LAYOUT_BDA + 0x0e, (u16)(LAYOUT_EBDA >> 4));
	put_u16(ram + LAYOUT_BDA + 0x13, (u16)(LAYOUT_EBDA / KIB));
	memset(ram + LAYOUT_EBDA, 0, LAYOUT_VGA - LAYOUT_EBDA);
	ram[LAYOUT_EBDA] = 1; /* the EBDA's size in KiB */
}
