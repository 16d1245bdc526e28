/* SPDX-License-Identifier: MIT */
/*
 * Compares the RAM, the vCPUs and the CPUID policy of a saved state with those of the VM that is to
 * load it. Called by machine_state.c; writes the difference as text.
 */
#include "vmm/monitor/state/policy.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/format.h"

#define N(value) ((unsigned long long)(value))

/*
 * Returns whether a number in the saved policy differs from the VM's own, and puts the difference
 * into words.
 */
static bool policy_number_differs(const char *what, u64 saved, u64 own, char *text, size_t size)
{
	if (saved == own)
		return false;
	format(text, size, "%s: in the state %llu, here %llu", what, N(saved), N(own));
	return true;
}

static bool policy_register_differs(const struct policy_leaf *leaf, const char *name, u32 saved,
				    u32 own, char *text, size_t size)
{
	u32 bit;

	if (saved == own)
		return false;
	bit = (u32)bit_lowest(saved ^ own);
	format(text, size, "CPUID 0x%x.%u %s bit %u: in the state %u, here %u", leaf->leaf,
	       leaf->subleaf, name, bit, saved >> bit & 1, own >> bit & 1);
	return true;
}

static bool policy_leaf_differs(const struct policy_leaf *saved, const struct policy_leaf *own,
				char *text, size_t size)
{
	const struct cpuid_regs *first = &saved->regs;
	const struct cpuid_regs *second = &own->regs;

	if (saved->leaf != own->leaf || saved->subleaf != own->subleaf) {
		format(text, size, "CPUID: the state has leaf 0x%x.%u, here it is 0x%x.%u",
		       saved->leaf, saved->subleaf, own->leaf, own->subleaf);
		return true;
	}
	return policy_register_differs(own, "EAX", first->eax, second->eax, text, size) ||
	       policy_register_differs(own, "EBX", first->ebx, second->ebx, text, size) ||
	       policy_register_differs(own, "ECX", first->ecx, second->ecx, text, size) ||
	       policy_register_differs(own, "EDX", first->edx, second->edx, text, size);
}

bool policy_differs(const struct policy_saved *saved, const struct policy_saved *own, char *text,
		    size_t size)
{
	if (policy_number_differs("bytes of RAM", saved->ram_bytes, own->ram_bytes, text, size) ||
	    policy_number_differs("vCPUs", saved->vcpu_count, own->vcpu_count, text, size) ||
	    policy_number_differs("bits of physical addresses", saved->physical_bits,
				  own->physical_bits, text, size))
		return true;
	for (u32 i = 0; i < MIN(saved->leaf_count, MIN(own->leaf_count, CPUID_ENTRY_MAX)); i++)
		if (policy_leaf_differs(&saved->leaf[i], &own->leaf[i], text, size))
			return true;
	if (policy_number_differs("XCR0", saved->xcr0, own->xcr0, text, size) ||
	    policy_number_differs("leaves of CPUID", saved->leaf_count, own->leaf_count, text,
				  size))
		return true;
	if (memcmp(saved, own, sizeof(*own)) == 0)
		return false;
	format(text, size, "the padding of the policy is not zero");
	return true;
}
