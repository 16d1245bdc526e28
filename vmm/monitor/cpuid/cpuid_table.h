/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/vcpu.h"
#include "vmm/monitor/cpuid/cpuid.h"

/*
 * Lays down for the kernel, in the page it shares (VCPU_CPUID_PAGE), what cpuid_query answers;
 * the vCPU does not run meanwhile. Again when its APIC is turned on or off.
 */
void cpuid_table_fill(struct vcpu_cpuid_entry *table, const struct cpuid_policy *policy,
		      u32 apic_id, bool apic_enabled);
