/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

struct machine_channel;

#define CHANNEL_SAMPLE_MIN_MS 100u
#define CHANNEL_SAMPLE_MAX_MS 60000u

/* Numbers of each VM and of the host that a client gets in each period. */
struct channel_samples {
	u64 period_tsc; /* 0: none are sent */
	u64 next_tsc;
	bool under_way; /* a round is not done: the line was not free */
	u64 place;	/* in the round: 0 the host, then each VM */
	u64 skipped;	/* periods of which nothing was sent, not told yet */

	/* Of each VM as last sent. Sums of what is read at different instants only ever grow. */
	struct {
		u32 id;
		u32 boots;
		u64 mark; /* of all its values */
		u64 guest_ns;
		u64 monitor_ns;
		u64 halted_ns;
	} last[VM_MAX];
};

/* 0: off. */
void channel_samples_set(struct machine_channel *channel, u64 period_ms);
/* The names of a VM's values, in order; NULL behind the last. */
const char *channel_sample_field(u32 number, char *buffer, size_t size);
bool channel_samples_step(struct machine_channel *channel);
u64 channel_samples_deadline(const struct machine_channel *channel);
