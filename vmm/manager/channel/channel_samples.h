/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

struct machine_channel;

#define CHANNEL_SAMPLE_MIN_MS 100u
#define CHANNEL_SAMPLE_MAX_MS 60000u

/* The samples of a client: numbers of each VM and of the host, once a period. */
struct channel_samples {
	u64 period_tsc; /* the period of the samples; 0: no samples are sent */
	u64 next_tsc;
	/*
	 * a round (the host's and all VMs' lines of one period) has begun, and not all of its lines
	 * were sent
	 */
	bool under_way;
	u64 place;   /* whose line of the round is next: 0 is the host's, then comes each VM's */
	u64 skipped; /* periods without a sample that the client was not told of yet */

	/*
	 * The values last sent for each VM. A time that is a sum of values read at different
	 * instants must never decrease from one sample to the next.
	 */
	struct {
		u32 id;
		u32 boots;
		/* checksum of all the VM's values in its last line: an equal one needs no line */
		u64 mark;
		u64 guest_ns;
		u64 monitor_ns;
		u64 halted_ns;
	} last[VM_MAX];
};

/* Sets the period of the channel's samples; 0 ends the samples. */
void channel_samples_set(struct machine_channel *channel, u64 period_ms);
/* Returns the name of a VM's value in a sample by its number, or NULL behind the last. */
const char *channel_sample_field(u32 number, char *buffer, size_t size);
bool channel_samples_step(struct machine_channel *channel);
u64 channel_samples_deadline(const struct machine_channel *channel);
