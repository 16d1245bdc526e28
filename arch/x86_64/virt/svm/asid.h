/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/virt.h"

/*
 * One CPU's address-space identifiers (APM vol. 2, 15.16). An ASID is never given out twice in one
 * generation; when all are gone a new generation begins with a flush of the whole TLB. Numbers of
 * generations differ between CPUs, so a vCPU that comes back from another CPU gets a new ASID.
 */
struct asid_pool {
	u64 generation;
	u32 next;
	u32 count;	/* ASIDs of the CPU; 0 is the host's */
	bool flush_all; /* the next entry must flush everything */
};

void asid_pool_init(struct asid_pool *pool, u32 cpu, u32 count);

/*
 * Gives the vCPU a tag under which this CPU holds nothing that it must not see, and obeys
 * vcpu->flush. Returns the enum vmcb_tlb_control for the entry.
 */
u8 asid_prepare(struct asid_pool *pool, struct virt_vcpu *vcpu, bool flush_by_asid);

/* The entry got past the checks of VMRUN, and so did the flush; the same for entries to come. */
u8 asid_entered(struct asid_pool *pool, struct virt_vcpu *vcpu);
