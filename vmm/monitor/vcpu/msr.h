/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/vcpu/vcpu_types.h"
#include "vmm/monitor/cpuid/cpuid.h"

/*
 * Sets the MSRs to their values after power-on, with memory types as firmware would have set them.
 * Guest memory is always write-back; the guest's memory types have no effect.
 */
void msr_reset(struct msr_state *state, const struct cpuid_policy *policy);

/*
 * Returns the register groups of the vCPU page that access to this MSR needs; they must be valid
 * for the calls below.
 */
u32 msr_groups(u32 index);

/*
 * Handle RDMSR and WRMSR of all MSRs but those of the APIC, of time and of the KVM interface. They
 * return false for a #GP, with nothing changed. Register groups that a write changes are marked
 * dirty.
 */
bool msr_read(const struct msr_state *state, const struct cpuid_policy *policy,
	      const struct vcpu_page *page, u32 index, u64 *value) MUST_CHECK;
bool msr_write(struct msr_state *state, const struct cpuid_policy *policy, struct vcpu_page *page,
	       u32 index, u64 value) MUST_CHECK;
