/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/* Ends the process if one of the conditions that vcpu_check checks does not hold. */
void vcpu_check_promises(const struct vcpu *vcpu);

/*
 * Checks, in images built with DEBUG=1, the invariants of a vCPU and its VM just before the guest
 * continues: exit handlers, injection and the vCPU loop rely on them. Call it under the machine's
 * lock.
 */
static inline void vcpu_check(const struct vcpu *vcpu)
{
#ifdef DEBUG
	vcpu_check_promises(vcpu);
#else
	(void)vcpu;
#endif
}

/*
 * In an image built with TEST=1, a VM's whole state is read out and put back after each
 * REBUILD_EVERY exits, which shows that snapshots can do the same; in other images this never
 * happens (0).
 */
#ifdef TEST
#define REBUILD_EVERY 1000u /* the number of exits between two rebuilds */
#else
#define REBUILD_EVERY 0u
#endif

static inline bool vcpu_rebuild_is_due(const struct vcpu *vcpu)
{
	return REBUILD_EVERY != 0 && vcpu->page->run_count - vcpu->rebuilt_at > REBUILD_EVERY;
}
