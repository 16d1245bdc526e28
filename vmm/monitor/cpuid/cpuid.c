/* SPDX-License-Identifier: MIT */
/*
 * The CPUID that guests see: the host's leaves reduced to the features that work in a guest. Called
 * by machine_setup.c to build the policy (one VM's CPUID), and by exits.c and cpuid_table.c for
 * answers; reads the host's CPUID through cpuid_host and changes only the policy.
 */
#include "vmm/monitor/cpuid/cpuid.h"

#include "lib/string.h"
#include "vmm/monitor/cpuid/cpuid_allow.h"

#define LAST_BASIC	    CPUID_XSAVE
#define LAST_EXTENDED	    0x8000001eu
#define LAST_EXTENDED_INTEL CPUID_ADDRESS_SIZES

/*
 * The legacy region and the header of an XSAVE area, which come before every other component (SDM
 * vol. 1, 13.4.3).
 */
#define XSAVE_FIXED_BYTES 576u

static struct cpuid_regs cpuid_of_host(u32 leaf, u32 subleaf)
{
	struct cpuid_regs regs;

	cpuid_host(leaf, subleaf, &regs);
	return regs;
}

static void cpuid_add(struct cpuid_policy *policy, u32 leaf, u32 subleaf, bool indexed,
		      struct cpuid_regs regs)
{
	if (policy->count < CPUID_ENTRY_MAX)
		policy->entry[policy->count++] = (struct cpuid_entry){leaf, subleaf, indexed, regs};
}

static void cpuid_add_plain(struct cpuid_policy *policy, u32 leaf, struct cpuid_regs regs)
{
	cpuid_add(policy, leaf, 0, false, regs);
}

static const struct cpuid_entry *cpuid_find(const struct cpuid_policy *policy, u32 leaf,
					    u32 subleaf)
{
	for (u32 i = 0; i < policy->count; i++) {
		const struct cpuid_entry *entry = &policy->entry[i];

		if (entry->leaf == leaf && (!entry->indexed || entry->subleaf == subleaf))
			return entry;
	}
	return NULL;
}

bool cpuid_has(const struct cpuid_policy *policy, u32 leaf)
{
	for (u32 i = 0; i < policy->count; i++) {
		if (policy->entry[i].leaf == leaf)
			return true;
	}
	return false;
}

bool cpuid_is_none(const struct cpuid_policy *policy, u32 leaf, u32 subleaf)
{
	return cpuid_find(policy, leaf, subleaf) == NULL &&
	       (leaf != CPUID_TOPOLOGY || leaf > policy->max_basic);
}

struct cpuid_regs cpuid_shown(const struct cpuid_policy *policy, u32 leaf, u32 subleaf)
{
	const struct cpuid_entry *entry = cpuid_find(policy, leaf, subleaf);

	return entry != NULL ? entry->regs : (struct cpuid_regs){0};
}

void cpuid_hide_kvm(struct cpuid_policy *policy, u32 features)
{
	for (u32 i = 0; i < policy->count; i++) {
		if (policy->entry[i].leaf == CPUID_KVM_FEATURES)
			policy->entry[i].regs.eax &= ~features;
	}
}

/* Returns the bits needed for `count` different numbers. */
static u32 cpuid_number_bits(u32 count)
{
	return count <= 1 ? 0 : (u32)bit_highest(count - 1) + 1;
}

static u64 cpuid_offered_xcr0(u32 max_basic)
{
	struct cpuid_regs regs;
	u64 xcr0;

	if (max_basic < CPUID_XSAVE ||
	    (cpuid_of_host(CPUID_VERSION, 0).ecx & CPUID_1_ECX_OSXSAVE) == 0)
		return 0;
	regs = cpuid_of_host(CPUID_XSAVE, 0);
	xcr0 = ((u64)regs.edx << 32 | regs.eax) & ALLOW_XCR0;
	if ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || (xcr0 & XCR0_AVX) == 0)
		xcr0 &= ~XCR0_AVX512;
	return xcr0;
}

static void cpuid_build_version(struct cpuid_policy *policy)
{
	struct cpuid_regs regs = cpuid_of_host(CPUID_VERSION, 0);

	/* keep only the CLFLUSH size of leaf 1; the APIC ID is filled in at each query */
	regs.ebx &= 0xff00;
	regs.ebx |= (policy->vcpu_count & 0xff) << 16;
	regs.ecx = (regs.ecx & (u32)ALLOW_1_ECX) | (u32)FORCE_1_ECX;
	regs.edx = (regs.edx & (u32)ALLOW_1_EDX) | (u32)FORCE_1_EDX;
	if (policy->xcr0 == 0)
		regs.ecx &= ~(u32)CPUID_1_ECX_XSAVE;
	if ((policy->xcr0 & XCR0_AVX) == 0)
		regs.ecx &= ~(u32)(CPUID_1_ECX_AVX | CPUID_1_ECX_FMA | CPUID_1_ECX_F16C);
	if (policy->vcpu_count > 1)
		regs.edx |= (u32)CPUID_1_EDX_HTT;
	cpuid_add_plain(policy, CPUID_VERSION, regs);
}

/*
 * Returns EAX of a cache's subleaf with the number of vCPUs that share the cache: levels 1 and 2
 * belong to one vCPU, level 3 to all.
 */
static u32 cpuid_shared_cache(const struct cpuid_policy *policy, u32 eax)
{
	u32 level = (u32)bits_get(eax, 7, 5);
	u32 sharers = level >= 3 ? policy->vcpu_count : 1;

	return (eax & 0x3fffu) | (MIN(sharers, 4096u) - 1) << 14;
}

static void cpuid_build_caches(struct cpuid_policy *policy)
{
	for (u32 i = 0; i < 8; i++) {
		struct cpuid_regs regs = cpuid_of_host(CPUID_CACHE, i);

		if ((regs.eax & 0x1f) == 0)
			return;
		regs.eax = cpuid_shared_cache(policy, regs.eax) | (MIN(policy->vcpu_count, 64u) - 1)
									  << 26;
		cpuid_add(policy, CPUID_CACHE, i, true, regs);
	}
}

static void cpuid_build_features(struct cpuid_policy *policy)
{
	struct cpuid_regs regs = cpuid_of_host(CPUID_FEATURES, 0);

	regs.eax = 0; /* the leaf has no subleaf above 0 */
	regs.ebx = (regs.ebx & (u32)ALLOW_7_EBX) | (u32)FORCE_7_EBX;
	regs.ecx &= (u32)ALLOW_7_ECX;
	regs.edx &= (u32)ALLOW_7_EDX;
	if ((policy->xcr0 & XCR0_AVX) == 0) {
		regs.ebx &= ~(u32)CPUID_7_EBX_AVX2;
		regs.ecx &= ~(u32)AVX_7_ECX;
	}
	if ((policy->xcr0 & XCR0_AVX512) == 0) {
		regs.ebx &= ~(u32)AVX512_7_EBX;
		regs.ecx &= ~(u32)AVX512_7_ECX;
		regs.edx &= ~(u32)AVX512_7_EDX;
	}
	if ((policy->xcr0 & XCR0_PKRU) == 0)
		regs.ecx &= ~(u32)CPUID_7_ECX_PKU;
	cpuid_add(policy, CPUID_FEATURES, 0, true, regs);
}

/*
 * Makes the leaves of the topology: one thread a core, all cores in one package (SDM vol. 2, CPUID,
 * leaf 0BH).
 */
static void cpuid_build_topology(struct cpuid_policy *policy)
{
	cpuid_add(policy, CPUID_TOPOLOGY, 0, true, (struct cpuid_regs){.ebx = 1, .ecx = 1 << 8});
	cpuid_add(policy, CPUID_TOPOLOGY, 1, true,
		  (struct cpuid_regs){.eax = cpuid_number_bits(policy->vcpu_count),
				      .ebx = policy->vcpu_count,
				      .ecx = 2 << 8 | 1});
}

/* Returns the size of XSAVE's standard form for the state components in `xcr0`. */
static u32 cpuid_xsave_bytes(const struct cpuid_policy *policy, u64 xcr0)
{
	u32 bytes = XSAVE_FIXED_BYTES;

	for (u32 i = 2; i < 63; i++) {
		const struct cpuid_entry *entry;

		if ((xcr0 & BIT(i)) == 0)
			continue;
		entry = cpuid_find(policy, CPUID_XSAVE, i);
		if (entry != NULL)
			bytes = MAX(bytes, entry->regs.ebx + entry->regs.eax);
	}
	return bytes;
}

static void cpuid_build_xsave(struct cpuid_policy *policy)
{
	struct cpuid_regs regs = cpuid_of_host(CPUID_XSAVE, 1);

	if (policy->xcr0 == 0)
		return;
	for (u32 i = 2; i < 63; i++) {
		struct cpuid_regs component;

		if ((policy->xcr0 & BIT(i)) == 0)
			continue;
		component = cpuid_of_host(CPUID_XSAVE, i);
		component.ecx = 0; /* the component has no compacted form */
		component.edx = 0;
		cpuid_add(policy, CPUID_XSAVE, i, true, component);
	}
	cpuid_add(policy, CPUID_XSAVE, 0, true,
		  (struct cpuid_regs){.eax = (u32)policy->xcr0,
				      .ecx = cpuid_xsave_bytes(policy, policy->xcr0),
				      .edx = (u32)(policy->xcr0 >> 32)});
	cpuid_add(policy, CPUID_XSAVE, 1, true,
		  (struct cpuid_regs){.eax = regs.eax & (u32)ALLOW_D_1_EAX});
}

static void cpuid_build_basic(struct cpuid_policy *policy)
{
	struct cpuid_regs vendor = cpuid_of_host(CPUID_VENDOR, 0);

	vendor.eax = policy->max_basic;
	cpuid_add_plain(policy, CPUID_VENDOR, vendor);
	cpuid_build_version(policy);
	if (policy->intel && policy->max_basic >= 2)
		cpuid_add_plain(policy, 2, cpuid_of_host(2, 0));
	if (policy->intel && policy->max_basic >= CPUID_CACHE)
		cpuid_build_caches(policy);
	if (policy->max_basic >= CPUID_THERMAL_POWER)
		/* leaf 6: the APIC timer runs in all power states (ARAT) */
		cpuid_add_plain(policy, CPUID_THERMAL_POWER,
				(struct cpuid_regs){.eax = (u32)CPUID_6_EAX_ARAT});
	if (policy->max_basic >= CPUID_FEATURES)
		cpuid_build_features(policy);
	if (policy->max_basic >= CPUID_TOPOLOGY)
		cpuid_build_topology(policy);
	if (policy->max_basic >= CPUID_XSAVE)
		cpuid_build_xsave(policy);
}

static void cpuid_build_hypervisor(struct cpuid_policy *policy)
{
	struct cpuid_regs kvm = {.eax = CPUID_KVM_FEATURES};
	struct cpuid_regs skerry = {.eax = CPUID_SKERRY};

	memcpy(&kvm.ebx, "KVMK", 4);
	memcpy(&kvm.ecx, "VMKV", 4);
	memcpy(&kvm.edx, "M\0\0\0", 4);
	memcpy(&skerry.ebx, "Sker", 4);
	memcpy(&skerry.ecx, "rySk", 4);
	memcpy(&skerry.edx, "erry", 4);
	cpuid_add_plain(policy, CPUID_HYPERVISOR, kvm);
	cpuid_add_plain(
		policy, CPUID_KVM_FEATURES,
		(struct cpuid_regs){.eax = (u32)(KVM_NO_IO_DELAY | KVM_CLOCKSOURCE2 |
						 KVM_STEAL_TIME | KVM_PV_EOI | KVM_PV_UNHALT |
						 KVM_PV_TLB_FLUSH | KVM_PV_SEND_IPI |
						 KVM_PV_SCHED_YIELD | KVM_CLOCKSOURCE_STABLE)});
	cpuid_add_plain(policy, CPUID_SKERRY, skerry);
}

/* Builds AMD's own leaves of topology and caches (APM vol. 3, E.4.15 and E.4.16). */
static void cpuid_build_amd_topology(struct cpuid_policy *policy)
{
	for (u32 i = 0; i < 8; i++) {
		struct cpuid_regs regs = cpuid_of_host(0x8000001d, i);

		if ((regs.eax & 0x1f) == 0)
			break;
		regs.eax = cpuid_shared_cache(policy, regs.eax);
		cpuid_add(policy, 0x8000001d, i, true, regs);
	}
	cpuid_add_plain(policy, 0x8000001e, (struct cpuid_regs){0});
}

static void cpuid_build_extended_version(struct cpuid_policy *policy)
{
	struct cpuid_regs regs = cpuid_of_host(CPUID_EXTENDED_VERSION, 0);

	regs.ecx &= (u32)ALLOW_81_ECX;
	regs.edx &= (u32)ALLOW_81_EDX;
	if (policy->max_extended < LAST_EXTENDED)
		regs.ecx &= ~(u32)CPUID_81_ECX_TOPOEXT;
	if ((policy->xcr0 & XCR0_AVX) == 0)
		regs.ecx &= ~(u32)AVX_81_ECX;
	if (policy->intel)
		regs.edx &= ~(u32)REPEATED_81_EDX;
	else if (policy->vcpu_count > 1)
		regs.ecx |= (u32)CPUID_81_ECX_CMP_LEGACY;
	cpuid_add_plain(policy, CPUID_EXTENDED_VERSION, regs);
}

u32 cpuid_linear_bits(const struct cpuid_policy *policy)
{
	return (cpuid_shown(policy, CPUID_FEATURES, 0).ecx & CPUID_7_ECX_LA57) != 0 ? 57 : 48;
}

static void cpuid_build_address_sizes(struct cpuid_policy *policy)
{
	struct cpuid_regs regs = cpuid_of_host(CPUID_ADDRESS_SIZES, 0);

	regs.eax = (regs.eax & (u32)CPUID_88_EAX_PHYSICAL_BITS) | cpuid_linear_bits(policy) << 8;
	regs.ebx = policy->intel ? 0 : regs.ebx & (u32)ALLOW_88_EBX;
	regs.ecx = 0;
	if (!policy->intel)
		regs.ecx = cpuid_number_bits(policy->vcpu_count) << 12 | (policy->vcpu_count - 1);
	regs.edx = 0;
	cpuid_add_plain(policy, CPUID_ADDRESS_SIZES, regs);
}

static void cpuid_build_extended(struct cpuid_policy *policy)
{
	struct cpuid_regs regs = cpuid_of_host(CPUID_EXTENDED, 0);

	regs.eax = policy->max_extended;
	cpuid_add_plain(policy, CPUID_EXTENDED, regs);
	if (policy->max_extended >= CPUID_EXTENDED_VERSION)
		cpuid_build_extended_version(policy);
	/* the leaves of the brand string, of AMD's L1 caches, and of L2 and L3 caches */
	for (u32 leaf = CPUID_BRAND; leaf <= MIN(policy->max_extended, 0x80000006u); leaf++)
		cpuid_add_plain(policy, leaf, cpuid_of_host(leaf, 0));
	if (policy->max_extended >= CPUID_EXTENDED_POWER)
		cpuid_add_plain(
			policy, CPUID_EXTENDED_POWER,
			(struct cpuid_regs){.edx = cpuid_of_host(CPUID_EXTENDED_POWER, 0).edx &
						   (u32)CPUID_87_EDX_INVARIANT_TSC});
	if (policy->max_extended >= CPUID_ADDRESS_SIZES)
		cpuid_build_address_sizes(policy);
	if (policy->intel || policy->max_extended < LAST_EXTENDED)
		return;
	/* the leaf of the TLBs for 1-GiB pages */
	cpuid_add_plain(policy, 0x80000019, cpuid_of_host(0x80000019, 0));
	cpuid_add_plain(policy, 0x8000001a,
			/* the leaf with the widths of the host's vector units */
			cpuid_of_host(0x8000001a, 0));
	cpuid_build_amd_topology(policy);
}

void cpuid_build(struct cpuid_policy *policy, u32 vcpu_count)
{
	struct cpuid_regs vendor = cpuid_of_host(CPUID_VENDOR, 0);
	u32 max_extended = cpuid_of_host(CPUID_EXTENDED, 0).eax;

	*policy = (struct cpuid_policy){.vcpu_count = vcpu_count};
	policy->intel = memcmp(&vendor.ebx, "Genu", 4) == 0 && memcmp(&vendor.edx, "ineI", 4) == 0;
	policy->max_basic = MIN(vendor.eax, LAST_BASIC);
	policy->max_extended = max_extended < CPUID_EXTENDED ? CPUID_EXTENDED : max_extended;
	policy->max_extended =
		MIN(policy->max_extended, policy->intel ? LAST_EXTENDED_INTEL : LAST_EXTENDED);
	policy->xcr0 = cpuid_offered_xcr0(vendor.eax);
	cpuid_build_basic(policy);
	cpuid_build_hypervisor(policy);
	cpuid_build_extended(policy);
}

/* Sets the bits of a leaf's answer that depend on the vCPU's own state. */
static void cpuid_make_current(const struct cpuid_policy *policy, const struct cpuid_state *state,
			       u32 leaf, u32 subleaf, struct cpuid_regs *regs)
{
	switch (leaf) {
	case CPUID_VERSION:
		regs->ebx |= state->apic_id << 24;
		if ((regs->ecx & CPUID_1_ECX_XSAVE) != 0 && (state->cr4 & CR4_OSXSAVE) != 0)
			regs->ecx |= (u32)CPUID_1_ECX_OSXSAVE;
		if (!state->apic_enabled)
			regs->edx &= ~(u32)CPUID_1_EDX_APIC;
		break;
	case CPUID_FEATURES:
		if ((regs->ecx & CPUID_7_ECX_PKU) != 0 && (state->cr4 & CR4_PKE) != 0)
			regs->ecx |= (u32)CPUID_7_ECX_OSPKE;
		break;
	case CPUID_TOPOLOGY:
		regs->edx = state->apic_id;
		break;
	case CPUID_XSAVE:
		if (subleaf == 0)
			regs->ebx = cpuid_xsave_bytes(policy, state->xcr0);
		break;
	case CPUID_EXTENDED_VERSION:
		if (!policy->intel && !state->apic_enabled)
			regs->edx &= ~(u32)CPUID_1_EDX_APIC;
		break;
	case 0x8000001e:
		regs->eax = state->apic_id;
		regs->ebx = state->apic_id & 0xff; /* the core's number; each core has one thread */
		break;
	default:
		break;
	}
}

u32 cpuid_leaf(const struct cpuid_policy *policy, u32 leaf)
{
	bool hypervisor = leaf >= CPUID_HYPERVISOR && leaf < CPUID_HYPERVISOR + 0x1000;
	bool outside =
		leaf >= CPUID_EXTENDED ? leaf > policy->max_extended : leaf > policy->max_basic;

	/*
	 * SDM vol. 2, CPUID: "the data for the highest basic information leaf is returned"; APM
	 * vol. 3, CPUID: zeros.
	 */
	return outside && !hypervisor && policy->intel ? policy->max_basic : leaf;
}

void cpuid_query(const struct cpuid_policy *policy, const struct cpuid_state *state, u32 leaf,
		 u32 subleaf, struct cpuid_regs *regs)
{
	const struct cpuid_entry *entry;

	leaf = cpuid_leaf(policy, leaf);
	entry = cpuid_find(policy, leaf, subleaf);
	*regs = entry != NULL ? entry->regs : (struct cpuid_regs){0};
	if (entry != NULL) {
		cpuid_make_current(policy, state, leaf, subleaf, regs);
	} else if (!cpuid_is_none(policy, leaf, subleaf)) {
		/* above the last level the input ECX and the APIC ID are still returned */
		regs->ecx = subleaf & 0xff;
		regs->edx = state->apic_id;
	}
}
