/* SPDX-License-Identifier: MIT */
/*
 * VPIDs, the tags of the TLB. Each CPU hands out its VPIDs in turn, and none twice until it has
 * flushed them all, so a vCPU that comes back to a CPU never meets translations from its last stay.
 */
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/virt/vmx/vmcs.h"
#include "arch/x86_64/virt/vmx/vmx.h"
#include "kernel/abi/pages.h"

#define VPID_MAX 0xffffu

static u64 generations; /* started so far, on all CPUs: no two have the same number */

/* Written by its own CPU alone. */
static struct {
	u64 generation; /* of all VPIDs handed out since the last flush */
	u32 last;	/* 0 when none has been */
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
	/* Guest-physical mappings are tagged by the EPT's address, which may have been reused.
	 */
	vcpu->flush = true;
}

void vmx_tag_flush(struct virt_vcpu *vcpu)
{
	CHECK(invept(vmx_capability.invept_type, vmcs_read64(VMCS_EPT_POINTER)));
	CHECK(invvpid(vmx_capability.invvpid_type, (u16)vcpu->tag));
	vcpu->flush = false;
}
