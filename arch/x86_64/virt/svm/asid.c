/* SPDX-License-Identifier: MIT */
/*
 * Hands out ASIDs, the tags of the TLB, to vCPUs on each CPU and decides which entry into a guest
 * flushes. enter.c calls it before and after VMRUN; boot/init sets up a pool of ASIDs for each CPU.
 * Each pool belongs to one CPU and is touched by that CPU alone.
 */
#include "arch/x86_64/virt/svm/asid.h"

#include "arch/x86_64/hw/svm.h"

#define GENERATION_CPU_SHIFT 48

void asid_pool_init(struct asid_pool *pool, u32 cpu, u32 count)
{
	pool->generation = ((u64)cpu + 1) << GENERATION_CPU_SHIFT;
	pool->next = 1;
	pool->count = count;
	pool->flush_all = true; /* an earlier user of SVM on this CPU may have left translations */
}

static void asid_assign(struct asid_pool *pool, struct virt_vcpu *vcpu)
{
	if (pool->next == pool->count) {
		pool->generation++;
		pool->next = 1;
		pool->flush_all = true;
	}
	vcpu->tag = pool->next++;
	vcpu->tag_generation = pool->generation;
}

/*
 * Assigns an ASID if need be. Without FlushByAsid, a new ASID costs less than flushing the whole
 * TLB.
 */
u8 asid_prepare(struct asid_pool *pool, struct virt_vcpu *vcpu, bool flush_by_asid)
{
	bool stale = vcpu->tag_generation != pool->generation;

	if (stale || (vcpu->flush && !flush_by_asid))
		asid_assign(pool, vcpu);
	if (pool->flush_all || (vcpu->trap & VTRAP_FLUSH))
		return VMCB_TLB_FLUSH_ALL;
	return vcpu->flush && flush_by_asid ? VMCB_TLB_FLUSH_ASID : VMCB_TLB_NOTHING;
}

u8 asid_entered(struct asid_pool *pool, struct virt_vcpu *vcpu)
{
	pool->flush_all = false;
	vcpu->flush = vcpu->trap & VTRAP_FLUSH;
	return vcpu->flush ? VMCB_TLB_FLUSH_ALL : VMCB_TLB_NOTHING;
}
