/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A VM's interrupt controllers as one: devices set interrupt lines and send messages, vCPUs ask for
 * pending events and take them.
 */
#include "lib/bits.h"
#include "vmm/monitor/irqchip/ioapic.h"
#include "vmm/monitor/irqchip/lapic.h"
#include "vmm/monitor/irqchip/pic.h"

#define IRQCHIP_CPU_MAX	   64
#define IRQCHIP_LINE_COUNT IOAPIC_PIN_COUNT
#define IRQCHIP_PIT_PIN	   2u
#define IRQCHIP_SCI	   9u /* the line of ACPI's interrupt (SCI), level-triggered */

/* The events that may be pending for a vCPU. */
enum irq_pending {
	/* an INIT: irqchip_take_init takes it, then the vCPU sets the registers of INIT */
	PENDING_INIT = 1 << 0,
	PENDING_SIPI = 1 << 1, /* a start-up IPI: irqchip_take_sipi gives the page to start in */
	PENDING_NMI = 1 << 2,
	PENDING_INTERRUPT = 1 << 3, /* a maskable interrupt of the vCPU's local APIC */
	PENDING_WAIT = 1 << 4,	    /* the vCPU does not run: it waits for SIPI */
	PENDING_EXTINT = 1 << 5,    /* a maskable interrupt of the 8259s, which goes first */
	PENDING_MASKABLE = PENDING_INTERRUPT | PENDING_EXTINT,
};

/* An interrupt message on the way to local APICs. */
struct irq_message {
	u32 destination;
	u32 mode; /* how the interrupt is delivered, enum apic_delivery */
	u8 vector;
	bool logical;
	bool level;
	bool x2apic; /* `destination` has 32 bits; otherwise 8, and 0xff is everyone */
};

/*
 * All interrupt controllers of a VM and how they are wired: ISA interrupt n is input n of the 8259s
 * and pin n of the I/O APIC, except that interrupt 0 is pin 2; lines 16 to 23 have only a pin. The
 * 8259s' INTR goes to LINT0 of every local APIC.
 */
struct irqchip {
	const struct machine_clock *clock;
	u32 cpu_count;
	u32 lowest_last; /* the vCPU that got the last interrupt sent in mode lowest priority */
	/*
	 * interrupt lines, a bit each, that irqchip_set_taken_line drives, and not the devices that
	 * usually do
	 */
	u32 taken_lines;
	/*
	 * vCPUs, a bit each, for which an interrupt has become pending; the owner, the VM (struct
	 * machine), wakes them and clears the bits
	 */
	u64 kick;
	struct ioapic ioapic;
	struct pic pic;
	struct lapic lapic[IRQCHIP_CPU_MAX];
};

/*
 * Sets up the interrupt controllers for cpu_count vCPUs, 1 to IRQCHIP_CPU_MAX; page[i] is the page
 * with the local APIC's registers of vCPU i, which stays the caller's.
 */
void irqchip_init(struct irqchip *irqchip, const struct machine_clock *clock, u32 cpu_count,
		  struct lapic_page *const page[]);
/*
 * Resets the controllers as at power-on; vCPU 0 gets the virtual wire (8259s to LINT0) that
 * firmware would have set up.
 */
void irqchip_reset(struct irqchip *irqchip);

/*
 * Sets the level of an interrupt line for its usual device; without effect while the line is taken
 * over.
 */
void irqchip_set_line(struct irqchip *irqchip, u32 line, bool level);
/*
 * Takes over the interrupt lines in `lines`, a bit each, and no others: from now on
 * irqchip_set_taken_line drives these. A line no longer taken over is low until its usual device
 * drives it again.
 */
void irqchip_take_lines(struct irqchip *irqchip, u32 lines);
void irqchip_set_taken_line(struct irqchip *irqchip, u32 line, bool level);
/* Sends an interrupt message to the local APICs. Returns whether any of them has accepted it. */
bool irqchip_send(struct irqchip *irqchip, const struct irq_message *message);
/*
 * Delivers a device's MSI or MSI-X message, which is a write of `data` to `address`. Returns
 * whether any local APIC has accepted it; false also if the address is not that of local APICs.
 */
bool irqchip_message(struct irqchip *irqchip, u64 address, u32 data);

/*
 * Returns the vCPU's pending events, bits of enum irq_pending; an interrupt of the local APIC only
 * if TPR allows it.
 */
u32 irqchip_pending(const struct irqchip *irqchip, u32 cpu);
/*
 * Takes the interrupt that PENDING_MASKABLE has announced from its controller, as INTA does.
 * Returns its vector, which must be injected then, or -1 when there is none.
 */
int irqchip_take_interrupt(struct irqchip *irqchip, u32 cpu);
/*
 * Puts an interrupt that was taken, but not yet delivered, back into the local APIC, if a local
 * interrupt of a higher priority class has come since. Returns false, without effect, if none has
 * come, or the interrupt was the 8259s'.
 */
bool irqchip_put_back(struct irqchip *irqchip, u32 cpu, u32 vector);
void irqchip_take_nmi(struct irqchip *irqchip, u32 cpu);
/*
 * Notes that the vCPU is handling an NMI: of the NMIs that come meanwhile the local APIC keeps one
 * (SDM vol. 3, 6.7.1).
 */
void irqchip_latch_nmi(struct irqchip *irqchip, u32 cpu);
/* Takes a pending INIT: resets the vCPU's local APIC as INIT does. */
void irqchip_take_init(struct irqchip *irqchip, u32 cpu);
/*
 * Takes the vCPU's pending start-up IPI and returns its vector: execution starts at address vector
 * << 12.
 */
u8 irqchip_take_sipi(struct irqchip *irqchip, u32 cpu);

/* Functions that only the interrupt controllers call. */
static inline void irqchip_kick(struct irqchip *irqchip, const struct lapic *lapic)
{
	irqchip->kick |= BIT(lapic - irqchip->lapic);
}
void irqchip_intr_raised(struct irqchip *irqchip);
void irqchip_lint0_changed(struct irqchip *irqchip, const struct lapic *lapic);
