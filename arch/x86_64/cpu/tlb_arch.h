/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The processor's part of TLB invalidation, which mm/tlb.c calls. */

void tlb_arch_load_root(hpa_t root); /* writes CR3, which flushes all but global entries */
void tlb_arch_kick(u32 cpu);	     /* makes a CPU, perhaps this one, pass through its loop soon */
bool tlb_arch_kicked(u32 cpu);	     /* true if another CPU has not noticed its last kick yet */
u64 tlb_arch_clock_ms(void);
u32 tlb_arch_cpu(void); /* number of the running CPU */
