/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/bits.h"
#include "vmm/monitor/irqchip/ioapic.h"
#include "vmm/monitor/irqchip/lapic.h"
#include "vmm/monitor/irqchip/pic.h"

#define IRQCHIP_CPU_MAX	   64
#define IRQCHIP_LINE_COUNT IOAPIC_PIN_COUNT
#define IRQCHIP_PIT_PIN	   2u
#define IRQCHIP_SCI	   9u /* line of ACPI's interrupt, level-triggered */

/* What is pending for a vCPU. */
enum irq_pending {
	/* an INIT: irqchip_take_init takes it, then the vCPU sets the registers of INIT */
	PENDING_INIT = 1 << 0,
	PENDING_SIPI = 1 << 1, /* a start-up IPI: irqchip_take_sipi gives the page to start in */
	PENDING_NMI = 1 << 2,
	PENDING_INTERRUPT = 1 << 3, /* a maskable interrupt of the local APIC */
	PENDING_WAIT = 1 << 4,	    /* the vCPU does not run: it waits for SIPI */
	PENDING_EXTINT = 1 << 5,    /* a maskable interrupt of the 8259s, which goes first */
	PENDING_MASKABLE = PENDING_INTERRUPT | PENDING_EXTINT,
};

/* An interrupt message on the way to local APICs. */
struct irq_message {
	u32 destination;
	u32 mode; /* enum apic_delivery */
	u8 vector;
	bool logical;
	bool level;
	bool x2apic; /* a 32-bit destination; otherwise 8 bits, 0xff being everyone */
};

/*
 * All interrupt controllers of a VM and how they are wired: ISA interrupt n is input n of the 8259s
 * and pin n of the I/O APIC, except that interrupt 0 is pin 2; lines 16 to 23 have only a pin. The
 * 8259s' INTR goes to LINT0 of every local APIC.
 */
struct irqchip {
	const struct machine_clock *clock;
	u32 cpu_count;
	u32 lowest_last; /* CPU that got the last lowest-priority interrupt */
	/* lines, a bit each, that are cut off from the devices that usually drive them */
	u32 taken_lines;
	/* vCPUs for which something has become pending; the owner wakes them and clears the bits */
	u64 kick;
	struct ioapic ioapic;
	struct pic pic;
	struct lapic lapic[IRQCHIP_CPU_MAX];
};

/*
 * Sets up the controllers for cpu_count CPUs, 1 to IRQCHIP_CPU_MAX; page[i] is the register page of
 * CPU i, which stays the owner's.
 */
void irqchip_init(struct irqchip *irqchip, const struct machine_clock *clock, u32 cpu_count,
		  struct lapic_page *const page[]);
/*
 * Resets the controllers as at power-on; CPU 0 gets the virtual wire that firmware would have set
 * up.
 */
void irqchip_reset(struct irqchip *irqchip);

/* Drives a line; without effect while the line is taken over. */
void irqchip_set_line(struct irqchip *irqchip, u32 line, bool level);
/*
 * Takes lines over: from now on irqchip_set_taken_line drives `lines`, and no others. A line that
 * is given back is low until its device drives it again.
 */
void irqchip_take_lines(struct irqchip *irqchip, u32 lines);
void irqchip_set_taken_line(struct irqchip *irqchip, u32 line, bool level);
/* Sends a message to the local APICs. Returns whether any of them has accepted it. */
bool irqchip_send(struct irqchip *irqchip, const struct irq_message *message);
/*
 * Delivers a device's MSI or MSI-X message, which is a write of `data` to `address`. Returns
 * whether any local APIC has accepted it; false also if the address is not that of local APICs.
 */
bool irqchip_message(struct irqchip *irqchip, u64 address, u32 data);

/* Returns what is pending for the vCPU (enum irq_pending); an interrupt only if TPR allows it. */
u32 irqchip_pending(const struct irqchip *irqchip, u32 cpu);
/*
 * Takes the interrupt announced by PENDING_MASKABLE out of its controller (INTA). Returns its
 * vector, which must be injected then, or -1 when there is none.
 */
int irqchip_take_interrupt(struct irqchip *irqchip, u32 cpu);
/*
 * Puts back an interrupt that was taken and could not be delivered, if a local interrupt of a
 * higher class has come since. Returns false, without effect, if none has come, or the interrupt
 * was the 8259s'.
 */
bool irqchip_put_back(struct irqchip *irqchip, u32 cpu, u32 vector);
void irqchip_take_nmi(struct irqchip *irqchip, u32 cpu);
/*
 * Notes that the CPU is handling an NMI: of the NMIs that come meanwhile it keeps one (SDM vol. 3,
 * 6.7.1).
 */
void irqchip_latch_nmi(struct irqchip *irqchip, u32 cpu);
/* Resets the local APIC as INIT does. */
void irqchip_take_init(struct irqchip *irqchip, u32 cpu);
/* Takes a start-up IPI and returns its vector: execution starts at vector << 12. */
u8 irqchip_take_sipi(struct irqchip *irqchip, u32 cpu);

/* Functions that only the interrupt controllers call. */
static inline void irqchip_kick(struct irqchip *irqchip, const struct lapic *lapic)
{
	irqchip->kick |= BIT(lapic - irqchip->lapic);
}
void irqchip_intr_raised(struct irqchip *irqchip);
void irqchip_lint0_changed(struct irqchip *irqchip, const struct lapic *lapic);
