/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/monitor/cpuid/cpuid.h"

/*
 * Writes the answers of cpuid_query to the vCPU's table of answers in memory shared with the kernel
 * (VCPU_CPUID_PAGE), while the vCPU does not run. Call it again when the vCPU's APIC is turned on
 * or off.
 */
void cpuid_table_fill(struct vcpu_cpuid_entry *table, const struct cpuid_policy *policy,
		      u32 apic_id, bool apic_enabled);

/*
 * Adds to the table a leaf that the guest has asked for and whose answer is zeros in any state, so
 * that the kernel answers it the next time; has no effect if no slot is free. Unless `indexed` is
 * set, the entry is for every subleaf.
 */
void cpuid_table_learn_none(struct vcpu_cpuid_entry *table, u32 leaf, u32 subleaf, bool indexed);
