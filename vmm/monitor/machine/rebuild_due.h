/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * An image built with TEST=1 reads out all state and puts it back after so many exits, which shows
 * that snapshots can; in other images it never does (0).
 */
#ifdef TEST
#define REBUILD_EVERY 1000u /* exits */
#else
#define REBUILD_EVERY 0u
#endif

static inline bool rebuild_is_due(const struct vcpu *vcpu)
{
	return REBUILD_EVERY != 0 && vcpu->page->run_count - vcpu->rebuilt_at > REBUILD_EVERY;
}
