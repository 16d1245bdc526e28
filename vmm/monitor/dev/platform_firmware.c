/* SPDX-License-Identifier: MIT */
/*
 * Sets the timer and the interrupt controllers as a PC's firmware leaves them. Called by todo.c
 * at a start; writes to ports of PIT and 8259s only.
 */
#include "lib/bits.h"
#include "vmm/hw/pic.h"
#include "vmm/hw/pit.h"
#include "vmm/monitor/dev/platform.h"

/* IBM PC/AT: the vector of the master 8259's first input, in the table that bios_write fills. */
#define MASTER_VECTOR 0x08u
#define SLAVE_VECTOR  0x70u

/*
 * The ports and values to write. Channel 0 of the timer gets the count 65,536, for 18.2 interrupts
 * a second, which programs expect that read the time at 40:6c. The master lets through the timer
 * and the slave; the slave 8259 lets nothing through, as no service of the firmware waits for a
 * device.
 */
static const struct {
	u16 port;
	u8 value;
} writes[] = {
	{PIT_CONTROL_PORT, PIT_CONTROL_LOW_HIGH | PIT_MODE_RATE << PIT_CONTROL_MODE_SHIFT},
	{PIT_PORT, 0},
	{PIT_PORT, 0},
	{PIC_MASTER + PIC_COMMAND, PIC_ICW1_INIT | PIC_ICW1_ICW4},
	{PIC_MASTER + PIC_DATA, MASTER_VECTOR},
	{PIC_MASTER + PIC_DATA, 1u << PIC_CASCADE_INPUT},
	{PIC_MASTER + PIC_DATA, PIC_ICW4_8086},
	{PIC_MASTER + PIC_DATA, (u8) ~(1u << PIT_IRQ | 1u << PIC_CASCADE_INPUT)},
	{PIC_SLAVE + PIC_COMMAND, PIC_ICW1_INIT | PIC_ICW1_ICW4},
	{PIC_SLAVE + PIC_DATA, SLAVE_VECTOR},
	{PIC_SLAVE + PIC_DATA, PIC_CASCADE_INPUT},
	{PIC_SLAVE + PIC_DATA, PIC_ICW4_8086},
	{PIC_SLAVE + PIC_DATA, 0xff},
};

void platform_firmware(struct platform *platform)
{
	for (size_t i = 0; i < ARRAY_COUNT(writes); i++)
		bus_write(&platform->ports, writes[i].port, 1, writes[i].value);
}
