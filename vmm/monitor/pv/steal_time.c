/* SPDX-License-Identifier: MIT */
/*
 * KVM steal time: publishes to the guest how long its vCPU did not run. Called by loop.c and
 * exits_msr.c; writes guest RAM.
 */
#include "vmm/monitor/pv/steal_time.h"

#include "lib/bits.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/clock.h"

#define STEAL_TIME_ENABLED  BIT(0)
#define STEAL_TIME_RESERVED BITS(5, 1)

static struct steal_record *steal_time_record_of(const struct vcpu *vcpu)
{
	u64 at = vcpu->steal_time.msr & ~STEAL_TIME_ENABLED;

	if ((vcpu->steal_time.msr & STEAL_TIME_ENABLED) == 0)
		return NULL;
	return (struct steal_record *)(void *)guest_memory_pointer(&vcpu->machine->memory, GPA(at),
								   sizeof(struct steal_record));
}

bool steal_time_write_msr(struct vcpu *vcpu, u64 value)
{
	struct steal_time *steal_time = &vcpu->steal_time;

	if ((value & STEAL_TIME_RESERVED) != 0)
		return false;
	steal_time->msr = value;
	steal_time->seen_tsc = vcpu->page->waited_tsc;
	vcpu->page->preempted_gpa =
		steal_time_record_of(vcpu) != NULL
			? (value & ~STEAL_TIME_ENABLED) + offsetof(struct steal_record, preempted)
			: 0;
	return true;
}

void steal_time_reset(struct vcpu *vcpu)
{
	vcpu->steal_time = (struct steal_time){0};
	vcpu->page->preempted_gpa = 0;
}

void steal_time_sleep(struct vcpu *vcpu)
{
	struct steal_record *record = steal_time_record_of(vcpu);

	if (record == NULL)
		return;
	/* atomic, as another vCPU may have asked for a TLB flush in this byte already */
	(void)__atomic_fetch_or(&record->preempted, MARK_PREEMPTED, __ATOMIC_SEQ_CST);
	vcpu->steal_time.marked = true;
}

static void steal_time_update(struct steal_record *record, u64 more_ns)
{
	u32 version = (__atomic_load_n(&record->version, __ATOMIC_RELAXED) | 1u) + 1;

	__atomic_store_n(&record->version, version - 1, __ATOMIC_RELEASE);
	__atomic_store_n(&record->steal, record->steal + more_ns, __ATOMIC_RELEASE);
	__atomic_store_n(&record->version, version, __ATOMIC_RELEASE);
}

void steal_time_enter(struct vcpu *vcpu)
{
	struct steal_time *steal_time = &vcpu->steal_time;
	u64 waited = vcpu->page->waited_tsc;
	struct steal_record *record;

	if (likely(!steal_time->marked && waited == steal_time->seen_tsc))
		return;
	record = steal_time_record_of(vcpu);
	if (record == NULL)
		return;
	if (waited != steal_time->seen_tsc)
		steal_time_update(record, clock_tsc_to_ns(waited - steal_time->seen_tsc));
	steal_time->seen_tsc = waited;
	if (steal_time->marked &&
	    (__atomic_exchange_n(&record->preempted, 0, __ATOMIC_SEQ_CST) & MARK_FLUSH) != 0)
		vcpu->page->request |= REQUEST_FLUSH;
	steal_time->marked = false;
}
