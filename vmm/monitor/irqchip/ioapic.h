/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/ioapic.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/monitor/bus/device.h"

#define IOAPIC_PIN_COUNT     24u
#define IOAPIC_BYTES	     256u /* the size of the I/O APIC's registers in memory */
#define IOAPIC_VERSION_VALUE (0x20u | (IOAPIC_PIN_COUNT - 1) << IOAPIC_VERSION_MAX_ENTRY_SHIFT)

struct ioapic_state {
	u64 entry[IOAPIC_PIN_COUNT];
	u32 select;
	u32 id;	  /* the I/O APIC's id as in its register: bits 27:24 */
	u32 line; /* a bit for each pin that is asserted, for either polarity */
	u32 reserved;
};

/* An I/O APIC with 24 pins (82093AA, with the EOI register of version 0x20). */
struct ioapic {
	struct device device;
	struct ioapic_state state;
};

void ioapic_init(struct ioapic *ioapic, struct irqchip *irqchip);
void ioapic_set_pin(struct ioapic *ioapic, u32 pin, bool asserted);
/*
 * Ends the level-triggered interrupts with that vector: sends again those whose pins are still
 * asserted.
 */
void ioapic_eoi(struct ioapic *ioapic, u32 vector);
