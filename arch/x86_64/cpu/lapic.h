/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/hw/lapic.h"
#include "lib/types.h"

/*
 * The local APIC's registers and mode: boot/init sets these variables before the second CPU starts,
 * and uses the two functions below.
 */
/* the local APIC's mapped registers; not used in x2APIC mode */
extern volatile u32 *lapic_registers;
extern u64 lapic_timer_ratio; /* timer ticks per TSC tick, times 2^LAPIC_RATIO_SHIFT */
#define LAPIC_RATIO_SHIFT 32
u32 lapic_reg_read(enum lapic_reg reg);
void lapic_reg_write(enum lapic_reg reg, u32 value);

/* Returns the running CPU's APIC id. */
u32 lapic_id(void);
/* Ends the interrupt that the running CPU has taken. */
void lapic_eoi(void);

/*
 * Sends an IPI to the CPU with this APIC id (SDM vol. 3, 11.6). `vector`: for APIC_FIXED the
 * vector, for APIC_SIPI the number of the page below 1 MiB at which the CPU starts, else 0.
 */
void lapic_send(u32 apic_id, enum apic_delivery delivery, u8 vector);
/* Sends the running CPU itself a fixed interrupt; may be called at any instruction. */
void lapic_send_self(u8 vector);

/*
 * Makes the timer interrupt this CPU once the TSC has reached deadline_tsc, at once if it already
 * has; 0 disarms the timer. The interrupt may come early if the timer's counter is too short: the
 * caller then checks the TSC and sets the timer again.
 */
void lapic_timer_set(u64 deadline_tsc);
