/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/lapic.h"
#include "lib/types.h"

/*
 * Turns on the local APIC of the running CPU, in x2APIC mode if supported. `registers` is the
 * mapped (uncached) register page, not used in x2APIC mode. LINT0 is masked, LINT1 delivers NMI.
 */
void lapic_enable(volatile void *registers, u8 spurious_vector);

u32 lapic_id(void);
void lapic_eoi(void);

/*
 * Sends an IPI to the CPU with this APIC id (SDM vol. 3, 11.6). `vector`: for APIC_FIXED the
 * vector, for APIC_SIPI the number of the page below 1 MiB to start at, else 0.
 */
void lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector);
/* Sends the running CPU itself a fixed interrupt; may be called at any instruction. */
void lapic_send_self(u8 vector);

/*
 * Prepares the running CPU's timer to raise `vector`, once for each lapic_timer_set. Without TSC
 * deadline mode the first call measures the timer's rate against the TSC.
 */
void lapic_timer_init(u8 vector);

/*
 * Interrupts once the TSC has reached deadline_tsc, at once if it already has; 0 disarms. May fire
 * early if the counter is too short: the caller then checks the TSC and sets the timer again.
 */
void lapic_timer_set(u64 deadline_tsc);
