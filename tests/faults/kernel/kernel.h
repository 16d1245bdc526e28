/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "lib/types.h"
#include "tests/faults/test_call.h"

/* Makes allocations fail. In alloc.c. */
enum status fault_alloc(enum test_what what, u64 argument, u64 *value);

/* Breaks an invariant. STATUS_NOT_FOUND: there are not two VMs with RAM. In broken.c. */
enum status fault_break(u64 what);
enum status fault_mend(void);
/* Finds a physical page of the RAM of VM 0 or 1; `which` 2 or 3: of the memory of its monitor. */
enum status fault_guest_page(u64 which, u64 *hpa);

/* Sends interrupts that nobody has asked for, or loses interrupts. In interrupt.c. */
void fault_interrupt(u8 vector);
void fault_lose_kicks(u32 apic_id);
void fault_lose_timer(void);

/* Raises NMIs at swept instants. In nmi.c. */
enum status fault_nmi(enum test_what what, u64 argument, u64 *value);
