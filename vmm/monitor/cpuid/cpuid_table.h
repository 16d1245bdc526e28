/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/monitor/cpuid/cpuid.h"

/*
 * Writes what cpuid_query answers to the page shared with the kernel (VCPU_CPUID_PAGE), while the
 * vCPU does not run. To be repeated when its APIC is turned on or off.
 */
void cpuid_table_fill(struct vcpu_cpuid_entry *table, const struct cpuid_policy *policy,
		      u32 apic_id, bool apic_enabled);

/*
 * Adds what the guest has asked for and is answered by zeros whatever its state is, so that the
 * kernel answers the next time; without effect where no slot is free. Not `indexed`: any subleaf.
 */
void cpuid_table_learn_none(struct vcpu_cpuid_entry *table, u32 leaf, u32 subleaf, bool indexed);
