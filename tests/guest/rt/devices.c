/* SPDX-License-Identifier: MIT */
/*
 * Drives the PC's interrupt controllers and timers. Called by most guests of this folder; touches
 * the registers of local APIC, I/O APIC, PIC and PIT.
 */
#include "tests/guest/rt/devices.h"

void lapic_enable(void)
{
	lapic_put(LAPIC_SVR, LAPIC_SVR_ENABLE | VECTOR_SPURIOUS);
	lapic_put(LAPIC_TPR, 0);
}

void lapic_end_of_interrupt(struct trap_frame *frame)
{
	(void)frame;
	lapic_put(LAPIC_EOI, 0);
}

bool lapic_requested(u32 vector)
{
	return (lapic_get(LAPIC_IRR + vector / 32 * 16) >> vector % 32 & 1) != 0;
}

void lapic_send_self(u32 low)
{
	lapic_put(LAPIC_ICR, low | (u32)LAPIC_ICR_SHORTHAND_SELF | (u32)LAPIC_ICR_ASSERT);
	while ((lapic_get(LAPIC_ICR) & LAPIC_ICR_PENDING) != 0)
		relax();
}

u32 ioapic_get(u32 reg)
{
	*register32(IOAPIC_DEFAULT_ADDRESS + IOAPIC_IOREGSEL) = reg;
	return *register32(IOAPIC_DEFAULT_ADDRESS + IOAPIC_IOWIN);
}

void ioapic_put(u32 reg, u32 value)
{
	*register32(IOAPIC_DEFAULT_ADDRESS + IOAPIC_IOREGSEL) = reg;
	*register32(IOAPIC_DEFAULT_ADDRESS + IOAPIC_IOWIN) = value;
}

void ioapic_route(u32 pin, u32 low)
{
	ioapic_put(IOAPIC_REDIRECTION + 2 * pin, IOAPIC_ENTRY_MASKED);
	ioapic_put(IOAPIC_REDIRECTION + 2 * pin + 1, lapic_get(LAPIC_ID));
	ioapic_put(IOAPIC_REDIRECTION + 2 * pin, low);
}

static void pic_start_one(u16 base, u8 vector, u8 wiring, u8 mask)
{
	out8(base + PIC_COMMAND, PIC_ICW1_INIT | PIC_ICW1_ICW4);
	out8(base + PIC_DATA, vector);
	out8(base + PIC_DATA, wiring);
	out8(base + PIC_DATA, PIC_ICW4_8086);
	out8(base + PIC_DATA, mask);
}

void pic_start(u8 mask_master, u8 mask_slave)
{
	pic_start_one(PIC_MASTER, VECTOR_PIC_MASTER, 1 << PIC_CASCADE_INPUT, mask_master);
	pic_start_one(PIC_SLAVE, VECTOR_PIC_SLAVE, PIC_CASCADE_INPUT, mask_slave);
}

void pic_mask_all(void)
{
	out8(PIC_MASTER + PIC_DATA, 0xff);
	out8(PIC_SLAVE + PIC_DATA, 0xff);
}

void pic_end_of_interrupt(struct trap_frame *frame)
{
	if (frame->vector >= VECTOR_PIC_SLAVE)
		out8(PIC_SLAVE + PIC_COMMAND, PIC_OCW2_EOI);
	out8(PIC_MASTER + PIC_COMMAND, PIC_OCW2_EOI);
}

void pit_start(u32 channel, enum pit_mode mode, u16 count)
{
	out8(PIT_CONTROL_PORT, (u8)(channel << PIT_CONTROL_CHANNEL_SHIFT | PIT_CONTROL_LOW_HIGH |
				    (u32)mode << PIT_CONTROL_MODE_SHIFT));
	out8((u16)(PIT_PORT + channel), (u8)count);
	out8((u16)(PIT_PORT + channel), (u8)(count >> 8));
}

u16 pit_latch(u32 channel)
{
	u16 count;

	out8(PIT_CONTROL_PORT, (u8)(channel << PIT_CONTROL_CHANNEL_SHIFT | PIT_CONTROL_LATCH));
	count = in8((u16)(PIT_PORT + channel));
	return (u16)(count | in8((u16)(PIT_PORT + channel)) << 8);
}

u8 rtc_get(u8 reg)
{
	out8(RTC_INDEX_PORT, reg);
	return in8(RTC_DATA_PORT);
}

void rtc_put(u8 reg, u8 value)
{
	out8(RTC_INDEX_PORT, reg);
	out8(RTC_DATA_PORT, value);
}
