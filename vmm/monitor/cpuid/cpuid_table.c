/* SPDX-License-Identifier: MIT */
/*
 * The table of CPUID answers that the kernel gives without an exit to the monitor. Called by vcpu.c
 * when an answer changes and by exits.c after an exit; writes the page shared with the kernel.
 */
#include "vmm/monitor/cpuid/cpuid_table.h"

#include "lib/string.h"

/*
 * Returns the entry's flags; CPUID_OSXSAVE and CPUID_OSPKE make the kernel itself fill in the
 * answer's bits that follow CR4.
 */
static u32 cpuid_table_flags_of(const struct cpuid_entry *entry, const struct cpuid_regs *regs)
{
	u32 flags = CPUID_VALID | (entry->indexed ? CPUID_INDEXED : 0u);

	if (entry->leaf == CPUID_VERSION && (regs->ecx & CPUID_1_ECX_XSAVE) != 0)
		flags |= CPUID_OSXSAVE;
	if (entry->leaf == CPUID_FEATURES && (regs->ecx & CPUID_7_ECX_PKU) != 0)
		flags |= CPUID_OSPKE;
	return flags;
}

static void cpuid_table_put(struct vcpu_cpuid_entry *table, const struct vcpu_cpuid_entry *entry)
{
	u32 slot = vcpu_cpuid_slot(entry->leaf);

	for (u32 n = 0; n < VCPU_CPUID_PROBES; n++) {
		struct vcpu_cpuid_entry *place = &table[(slot + n) % VCPU_CPUID_SLOTS];

		if ((place->flags & CPUID_VALID) == 0) {
			*place = *entry;
			return;
		}
	}
}

void cpuid_table_learn_none(struct vcpu_cpuid_entry *table, u32 leaf, u32 subleaf, bool indexed)
{
	cpuid_table_put(table, &(struct vcpu_cpuid_entry){
				       .flags = CPUID_VALID | (indexed ? CPUID_INDEXED : 0u),
				       .leaf = leaf,
				       .subleaf = subleaf,
			       });
}

void cpuid_table_fill(struct vcpu_cpuid_entry *table, const struct cpuid_policy *policy,
		      u32 apic_id, bool apic_enabled)
{
	const struct cpuid_state state = {.apic_id = apic_id, .apic_enabled = apic_enabled};

	memset(table, 0, VCPU_CPUID_SLOTS * sizeof(*table));
	for (u32 i = 0; i < policy->count; i++) {
		const struct cpuid_entry *entry = &policy->entry[i];
		struct cpuid_regs regs;

		/*
		 * the sizes in these subleaves follow XCR0, which a guest may change without an
		 * exit
		 */
		if (entry->leaf == CPUID_XSAVE && entry->subleaf < 2)
			continue;
		cpuid_query(policy, &state, entry->leaf, entry->subleaf, &regs);
		cpuid_table_put(table, &(struct vcpu_cpuid_entry){
					       .flags = cpuid_table_flags_of(entry, &regs),
					       .leaf = entry->leaf,
					       .subleaf = entry->subleaf,
					       .eax = regs.eax,
					       .ebx = regs.ebx,
					       .ecx = regs.ecx,
					       .edx = regs.edx,
				       });
	}
}
