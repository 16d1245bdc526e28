/* SPDX-License-Identifier: MIT */
/*
 * Hands out VPIDs, the tags of the TLB, and flushes them. Each CPU hands out its VPIDs in turn, and
 * none twice until it has flushed them all, so a vCPU that comes back to a CPU never meets
 * translations from its last stay. enter.c calls it for the loaded vCPU; a CPU touches only its own
 * counters.
 */
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "kernel/abi/pages.h"

#define VPID_MAX 0xffffu

/* the number of generations of VPIDs begun so far on all CPUs; each has its own number */
static u64 generations;

/* Each CPU's counters of VPIDs, written by that CPU alone. */
static struct {
	/* generation of the VPIDs that this CPU has handed out since its last flush */
	u64 generation;
	u32 last; /* the last VPID handed out; 0: none was handed out yet */
} tags[CPU_MAX];

void vmx_tag_assign(struct virt_vcpu *vcpu)
{
	u32 cpu = this_cpu()->id;

	if (likely(vcpu->tag != 0 && vcpu->tag_generation == tags[cpu].generation))
		return;
	if (tags[cpu].generation == 0 || tags[cpu].last == VPID_MAX) {
		CHECK(invvpid(INVALIDATE_ALL_CONTEXTS, 0));
		tags[cpu].generation = __atomic_add_fetch(&generations, 1, __ATOMIC_RELAXED);
		tags[cpu].last = 0;
	}
	vcpu->tag = ++tags[cpu].last;
	vcpu->tag_generation = tags[cpu].generation;
	vmcs_write16(VMCS_VPID, (u16)vcpu->tag);
	/*
	 * Guest-physical mappings are tagged by the EPT's address, which another VM's EPT may have
	 * had before.
	 */
	vcpu->flush = true;
}

void vmx_tag_flush(struct virt_vcpu *vcpu)
{
	CHECK(invept(vmx_capability.invept_type, vmcs_read64(VMCS_EPT_POINTER)));
	CHECK(invvpid(vmx_capability.invvpid_type, (u16)vcpu->tag));
	vcpu->flush = false;
}
