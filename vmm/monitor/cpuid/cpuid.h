/* SPDX-License-Identifier: MIT */
#pragma once

/* The CPUID that a VM's guest sees: its derivation from the host's CPUID, and its answers. */
#include "lib/types.h"
#include "vmm/hw/cpuid.h"

#define CPUID_ENTRY_MAX 72

struct cpuid_entry {
	u32 leaf;
	u32 subleaf;
	bool indexed; /* the answer depends on the subleaf in ECX */
	struct cpuid_regs regs;
};

/* The CPUID of one VM: the host's leaves, cut down to the features that work in a guest. */
struct cpuid_policy {
	u32 count;
	u32 vcpu_count;
	u32 max_basic;
	u32 max_extended;
	bool intel; /* leaves out of range are answered as Intel's CPUs do; otherwise as AMD's do */
	u64 xcr0;   /* state components that a guest may turn on */
	struct cpuid_entry entry[CPUID_ENTRY_MAX];
};

/*
 * The state of a vCPU on which its CPUID answers depend, and which may change from one execution to
 * the next.
 */
struct cpuid_state {
	u32 apic_id;
	bool apic_enabled;
	u64 cr4;
	u64 xcr0;
};

/* Builds the policy for a VM with that many vCPUs from the host's CPUID (cpuid_host). */
void cpuid_build(struct cpuid_policy *policy, u32 vcpu_count);

/*
 * Returns the leaf that answers a query for `leaf`: another one if `leaf` is out of range on
 * Intel's CPUs.
 */
u32 cpuid_leaf(const struct cpuid_policy *policy, u32 leaf);

/* Returns whether CPUID answers a leaf with zeros in any state of the vCPU. */
bool cpuid_is_none(const struct cpuid_policy *policy, u32 leaf, u32 subleaf);
/* Returns whether any subleaf of the leaf answers more than zeros. */
bool cpuid_has(const struct cpuid_policy *policy, u32 leaf);

/* Computes the result of CPUID with EAX = leaf, ECX = subleaf. */
void cpuid_query(const struct cpuid_policy *policy, const struct cpuid_state *state, u32 leaf,
		 u32 subleaf, struct cpuid_regs *regs);

/* Hides KVM features that a guest is better off without: bits of EAX of CPUID_KVM_FEATURES. */
void cpuid_hide_kvm(struct cpuid_policy *policy, u32 features);

/*
 * Returns the registers that the policy shows for a leaf (1, 7.0, 0x80000001, ...), all 0 if it
 * does not have that leaf.
 */
struct cpuid_regs cpuid_shown(const struct cpuid_policy *policy, u32 leaf, u32 subleaf);

/*
 * Returns the width of linear addresses under the widest paging mode that the policy shows, 48 or
 * 57 bits.
 */
u32 cpuid_linear_bits(const struct cpuid_policy *policy);

/* Executes the CPU's own CPUID; tests have a version of their own. */
void cpuid_host(u32 leaf, u32 subleaf, struct cpuid_regs *regs);

#define CPUID_KVM_FEATURES     0x40000001u
#define CPUID_SKERRY	       0x40000100u
#define KVM_NO_IO_DELAY	       BIT(1)
#define KVM_CLOCKSOURCE2       BIT(3)
#define KVM_STEAL_TIME	       BIT(5)
#define KVM_PV_EOI	       BIT(6)
#define KVM_PV_UNHALT	       BIT(7)
#define KVM_PV_TLB_FLUSH       BIT(9)
#define KVM_PV_SEND_IPI	       BIT(11)
#define KVM_PV_SCHED_YIELD     BIT(13)
#define KVM_CLOCKSOURCE_STABLE BIT(24)
