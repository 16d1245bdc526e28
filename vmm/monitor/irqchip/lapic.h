/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/msr.h"
#include "lib/bits.h"
#include "vmm/hw/lapic_guest.h"
#include "vmm/monitor/bus/device.h"

struct irqchip;

/*
 * A local APIC (SDM vol. 3, chapter 11). Its registers lie in a page laid out as the architecture
 * has it, which is shared with the kernel; state without a register lies in struct lapic_state.
 *
 * The timer counts a bus clock of 1 GHz: one nanosecond of guest time a tick, before the divider.
 */
#define LAPIC_BUS_HZ 1000000000ull

/* The version register: version 0x14, six LVT entries (no CMCI), EOI-broadcast suppression. */
#define LAPIC_VERSION_VALUE (0x14u | 5u << LAPIC_VERSION_MAX_LVT_SHIFT | 1u << 24)

/*
 * The most NMIs that are kept: two sent at once are both seen, one in service, one latched; see
 * irqchip_latch_nmi.
 */
#define LAPIC_NMI_MAX 2

struct lapic_state {
	u64 apic_base;	  /* the value of the MSR IA32_APIC_BASE */
	u64 tsc_deadline; /* the guest's IA32_TSC_DEADLINE; 0: the timer is not armed */
	/*
	 * guest time at which the timer's count next ends in one-shot or periodic mode, or
	 * DEADLINE_NONE
	 */
	u64 timer_expiry_ns;
	u32 id;	    /* the APIC's initial ID */
	u32 errors; /* errors detected since the last write to ESR, bits of ESR */
	u8 nmi_count;
	u8 init_pending;
	u8 sipi_pending;
	u8 sipi_vector;
	u8 wait_for_sipi;
	u8 reserved[3];
};

/*
 * Notes which words of ISR and IRR are not 0: bit i for word i, to save a look at all eight words
 * of each.
 */
struct lapic_words {
	u8 in_service;
	u8 requested;
};

/*
 * The number of registers whose old value is needed to handle a guest's write to them; the CPU may
 * have overwritten it by then.
 */
#define LAPIC_KEPT_COUNT 4u

/*
 * Interrupt requests that came while the APIC's page was lent to the CPU: they are put into IRR and
 * TMR once the page is back.
 */
struct lapic_posted {
	u8 words; /* a bit for each word of `request` that is not 0 */
	u32 request[8];
	u32 level[8];
};

/*
 * A local APIC. If the host's CPU virtualizes it, that CPU takes interrupts out of IRR and ends
 * them in ISR, and has the page while the guest runs: the monitor does not write to it then, and
 * `words` is stale.
 */
struct lapic {
	struct lapic_page *page;
	struct irqchip *irqchip;
	struct lapic_words words; /* computed from ISR and IRR in the page */
	/* the host's CPU virtualizes this local APIC; set once, when the vCPU is made */
	bool by_cpu;
	bool lent;
	bool moved;	   /* IRR or ISR have changed since the CPU got their highest vectors */
	bool levels_moved; /* TMR, which decides for which vectors an EOI exits, has changed */
	struct lapic_posted posted;
	/* the values of kept_registers (lapic_lend.c) when the page was last lent to the CPU */
	u32 kept[LAPIC_KEPT_COUNT];
	struct lapic_state state;
};

struct lapic_saved {
	struct lapic_state state;
	struct lapic_page page;
};

enum lapic_mode { LAPIC_OFF, LAPIC_XAPIC, LAPIC_X2APIC };

static inline enum lapic_mode lapic_mode(const struct lapic *lapic)
{
	u64 base = lapic->state.apic_base;

	return !(base & APIC_BASE_EN)  ? LAPIC_OFF
	       : base & APIC_BASE_EXTD ? LAPIC_X2APIC
				       : LAPIC_XAPIC;
}

/* Handles a reset of the vCPU: resets all of its local APIC and gives it this initial ID. */
void lapic_reset(struct lapic *lapic, u32 id);
/*
 * Handles INIT, which resets the registers, but not ID, base or mode; an application processor then
 * waits for SIPI.
 */
void lapic_init_signal(struct lapic *lapic);
/*
 * Sets LINT0 and LINT1 as firmware leaves them for a boot processor: LINT0 ExtINT, LINT1 NMI (MP
 * 1.4, 3.6.2.2).
 */
void lapic_virtual_wire(struct lapic *lapic);

/* Lends the APIC's page to the host's CPU; lapic_page_recall takes it back. In lapic_lend.c. */
void lapic_page_lend(struct lapic *lapic);
void lapic_page_recall(struct lapic *lapic);

/* Access the APIC's registers in xAPIC mode, by an offset that is a multiple of 16. */
u32 lapic_read(struct lapic *lapic, u32 offset);
void lapic_write(struct lapic *lapic, u32 offset, u32 value);

/*
 * Returns whether an access by this APIC's vCPU to guest-physical address `gpa` hits the APIC's
 * registers.
 */
static inline bool lapic_claims(const struct lapic *lapic, u64 gpa)
{
	u64 base = lapic->state.apic_base;

	return (gpa & ~PAGE_MASK) == (base & APIC_BASE_ADDRESS) && lapic_mode(lapic) == LAPIC_XAPIC;
}
/*
 * Access the APIC's registers as memory, by 1 to 8 bytes. Writes other than aligned dwords are
 * ignored.
 */
u64 lapic_memory_read(struct lapic *lapic, u64 gpa, u32 size);
void lapic_memory_write(struct lapic *lapic, u64 gpa, u32 size, u64 value);

/*
 * Access the MSRs of the APIC: IA32_APIC_BASE, IA32_TSC_DEADLINE and 0x800 to 0x8ff. They return
 * false for a #GP. physical_bits is the guest's MAXPHYADDR.
 */
bool lapic_owns_msr(u32 msr);
bool lapic_msr_read(struct lapic *lapic, u32 msr, u64 *value) MUST_CHECK;
bool lapic_msr_write(struct lapic *lapic, u32 msr, u64 value, u32 physical_bits) MUST_CHECK;

/* Receives an interrupt message that is addressed to this APIC. Returns whether it was accepted. */
bool lapic_deliver(struct lapic *lapic, u32 mode, u32 vector, bool level);
/* Raises an event of the local vector table; `offset` is that of its LVT register. */
void lapic_local(struct lapic *lapic, u32 offset);
/* Returns whether LINT0 passes the 8259's INTR on to the processor. */
bool lapic_accepts_extint(const struct lapic *lapic);

/*
 * lapic_pending returns the highest vector requested that the processor priority lets through, or
 * -1. lapic_accept puts that vector in service (ISR), where it is above all others, and above TPR.
 */
int lapic_pending(const struct lapic *lapic);
void lapic_accept(struct lapic *lapic, u32 vector);
/*
 * Moves a vector that was accepted, but that the vCPU has not taken, from ISR back to IRR. Returns
 * false if the vector is not the highest in service, so it is no local interrupt accepted just now.
 * Do not call it while the page is lent.
 */
bool lapic_put_back(struct lapic *lapic, u32 vector);
bool lapic_is_requested(const struct lapic *lapic, u32 vector);
void lapic_eoi(struct lapic *lapic);
/*
 * Does the part of an EOI outside the APIC's page: tells the I/O APIC of the end of a
 * level-triggered interrupt.
 */
void lapic_eoi_broadcast(struct lapic *lapic, u32 vector);
/*
 * Returns whether an EOI by the guest now would only end an edge-triggered interrupt in service,
 * with IRR empty.
 */
bool lapic_eoi_is_private(const struct lapic *lapic);
u32 lapic_ppr(const struct lapic *lapic);
/* Returns CR8, which is bits 7:4 of TPR. */
static inline u64 lapic_get_cr8(const struct lapic *lapic)
{
	return lapic->page->reg[LAPIC_TPR / 4] >> 4;
}
void lapic_set_cr8(struct lapic *lapic, u64 value);

/*
 * Lends the APIC's page to the host's CPU, if that virtualizes the APIC, as the guest is entered.
 */
static inline void lapic_lend(struct lapic *lapic)
{
	if (lapic->by_cpu && !lapic->lent)
		lapic_page_lend(lapic);
}

/* Takes the APIC's page back from the host's CPU, as the vCPU is out of the guest. */
static inline void lapic_recall(struct lapic *lapic)
{
	if (lapic->lent)
		lapic_page_recall(lapic);
}

/*
 * Completes a write to the register at `offset` that the host's CPU has let the guest make in the
 * page: carries out the effects of a write of that value.
 */
void lapic_finish_write(struct lapic *lapic, u32 offset);
/*
 * Returns the guest interrupt status for the VMCS: the highest vector in IRR, and in bits 15:8 that
 * in ISR (SDM vol. 3, 25.4.2).
 */
u16 lapic_interrupt_status(const struct lapic *lapic);
/* Copies TMR as 256 bits, one for each vector: whether it is level-triggered. */
void lapic_levels(const struct lapic *lapic, u64 levels[4]);

/*
 * lapic_tick fires the timer if it is due. lapic_deadline returns the guest time in ns of the
 * timer's next interrupt, or DEADLINE_NONE.
 */
void lapic_tick(struct lapic *lapic);
u64 lapic_deadline(const struct lapic *lapic);

void lapic_save(const struct lapic *lapic, struct lapic_saved *saved);
/* Returns whether this local APIC can be in that saved state. */
bool lapic_valid(const struct lapic *lapic, const struct lapic_saved *saved);
/* Loads a saved state; returns STATUS_BAD_FORMAT, without effect, if it is invalid. */
enum status lapic_load(struct lapic *lapic, const struct lapic_saved *saved);

/* Functions that the lapic_*.c files share. */
static inline u32 lapic_get(const struct lapic *lapic, u32 offset)
{
	return lapic->page->reg[offset / 4];
}

static inline void lapic_set(struct lapic *lapic, u32 offset, u32 value)
{
	lapic->page->reg[offset / 4] = value;
}

/* Returns whether xAPIC mode has a register at this offset. */
bool lapic_register_exists(u32 offset);
/*
 * Computes lapic->words from the page, after anything but a request or its acceptance has written
 * IRR or ISR.
 */
void lapic_find_words(struct lapic *lapic);
/* Notes that all registers in the APIC's page have been replaced. */
void lapic_page_replaced(struct lapic *lapic);
void lapic_request(struct lapic *lapic, u32 vector, bool level);
void lapic_post(struct lapic *lapic, u32 vector, bool level);
void lapic_error(struct lapic *lapic, u32 bit);
void lapic_send(struct lapic *lapic, u64 icr);
u32 lapic_timer_current(const struct lapic *lapic);
/* Handles a write to the timer's LVT entry, initial count or divide register. */
void lapic_timer_write(struct lapic *lapic, u32 offset, u32 value);
u64 lapic_timer_get_deadline(const struct lapic *lapic);
void lapic_timer_set_deadline(struct lapic *lapic, u64 tsc);
/*
 * Rearms the APIC's timer for the guest TSC `tsc`, which has not come yet. Returns false, without
 * effect, if the timer is not in TSC-deadline mode, or lapic_deadline would not simply be that
 * time.
 */
bool lapic_timer_rearm(struct lapic *lapic, u64 tsc);
/*
 * Fires the timer if its TSC deadline has come by this guest TSC. Returns false, without effect, if
 * it has not.
 */
bool lapic_timer_expire(struct lapic *lapic, u64 guest_tsc);
/* Sets the LDR of x2APIC mode, which follows from the ID (SDM vol. 3, 11.12.10.2). */
void lapic_set_id_registers(struct lapic *lapic);
void lapic_reset_registers(struct lapic *lapic);
