/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/transfer/transfer.h"

struct request;

/* Tells transfers how to open and end streams. */
void channel_transfers_init(void);

/* Handles a client's line about the transfer. */
void channel_transfer_take(struct transfer *transfer, const struct request *request);
/* Does one step of a transfer; returns whether a line was sent. */
bool channel_transfer_step(struct machine_channel *channel, struct transfer *transfer);
/* Returns the TSC at which channel_transfer_step has work, if nothing happens before. */
u64 channel_transfer_deadline(const struct machine_channel *channel,
			      const struct transfer *transfer);
