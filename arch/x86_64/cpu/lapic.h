/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/lapic.h"
#include "lib/types.h"

/*
 * Turns on the local APIC of the running CPU, in x2APIC mode where there is one. `registers` is the
 * mapped (uncached) register page, not used in x2APIC mode. LINT0 is masked, LINT1 gives NMI.
 */
void lapic_enable(volatile void *registers, u8 spurious_vector);

u32 lapic_id(void);
void lapic_eoi(void);

/*
 * An interprocessor interrupt to the CPU with this APIC id (SDM vol. 3, 11.6). `vector`: of
 * APIC_FIXED; of APIC_SIPI, the number of the page below 1 MiB to start at; else 0.
 */
void lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector);
/* A fixed interrupt for the running CPU itself; from any instruction. */
void lapic_send_self(u8 vector);

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
