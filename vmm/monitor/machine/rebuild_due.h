/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/machine/vcpu.h"

/*
 * Shows that all state can be read out and put back, which is what snapshots and migration need: an
 * image built with TEST=1 does so all the time. 0: never.
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
