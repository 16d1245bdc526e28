/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/virt/virt.h"

/*
 * One CPU's address-space identifiers (APM vol. 2, 15.16). An ASID is never handed out twice in one
 * generation; when all are used up, a new generation begins with a flush of the whole TLB. CPUs
 * never share generation numbers, so a vCPU that comes back from another CPU gets a new ASID.
 */
struct asid_pool {
	u64 generation;
	u32 next;
	u32 count;	/* number of the CPU's ASIDs; ASID 0 is the host's */
	bool flush_all; /* the next entry on this CPU must flush the whole TLB */
};

/*
 * Sets up the pool of CPU number `cpu`, which has `count` ASIDs; the first entry on it flushes the
 * whole TLB.
 */
void asid_pool_init(struct asid_pool *pool, u32 cpu, u32 count);

/*
 * Makes sure that the vCPU has an ASID without stale translations on this CPU, also because of
 * vcpu->flush. Returns the enum vmcb_tlb_control for the next entry.
 */
u8 asid_prepare(struct asid_pool *pool, struct virt_vcpu *vcpu, bool flush_by_asid);

/*
 * Records that VMRUN has accepted the entry and so done the flush. Returns the enum
 * vmcb_tlb_control for the entries after it.
 */
u8 asid_entered(struct asid_pool *pool, struct virt_vcpu *vcpu);
