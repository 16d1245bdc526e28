/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Turns on the local APIC of the running CPU, in x2APIC mode where there is one. `registers` is the
 * mapped (uncached) register page, not used in x2APIC mode. LINT0 is masked, LINT1 gives NMI.
 */
void lapic_enable(volatile void *registers, u8 spurious_vector);

u32 lapic_id(void);
void lapic_eoi(void);

/* Interprocessor interrupts to the CPU with this APIC id (SDM vol. 3, 11.6). */
void lapic_send(u32 apic_id, u8 vector);
void lapic_send_nmi(u32 apic_id);
void lapic_send_init(u32 apic_id);
/* Starts a CPU that waits for it at `page`, a page below 1 MiB. */
void lapic_send_startup(u32 apic_id, hpa_t page);

/*
 * Prepares the running CPU's timer to give `vector`, once for each lapic_timer_set. The first call
 * measures the timer against the TSC where it cannot be told a TSC value.
 */
void lapic_timer_init(u8 vector);

/*
 * Interrupts once the TSC has reached deadline_tsc, at once if it has. May fire early where the
 * timer is too short: the caller looks at the TSC and sets it again.
 */
void lapic_timer_set(u64 deadline_tsc);
void lapic_timer_stop(void);
