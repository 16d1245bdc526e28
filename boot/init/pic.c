/* SPDX-License-Identifier: MIT */
/*
 * Silences the two 8259 interrupt controllers, as all interrupts go through APICs.
 * boot/init/machine.c calls it once, on the boot CPU. It writes the controllers' I/O ports.
 */
#include "boot/init/pic.h"

#include "arch/x86_64/cpu/instructions.h"
#include "vmm/hw/pic.h"

/*
 * Writes a controller's four initialization words, with the pauses that an old 8259 needs; then
 * masks all its inputs.
 */
static void pic_write(u16 base, u8 vector, u8 cascade)
{
	const u8 icw[] = {vector, cascade, PIC_ICW4_8086, 0xff};

	out8(base + PIC_COMMAND, PIC_ICW1_INIT | PIC_ICW1_ICW4);
	for (unsigned int i = 0; i < sizeof(icw); i++) {
		(void)in8(0x80);
		out8(base + PIC_DATA, icw[i]);
	}
}

void pic_disable(u8 vector_base)
{
	pic_write(PIC_MASTER, vector_base, 1 << PIC_CASCADE_INPUT);
	pic_write(PIC_SLAVE, vector_base + PIC_INPUT_COUNT, PIC_CASCADE_INPUT);
}
