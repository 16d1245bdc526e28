/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/transfer/transfer.h"

struct request;

/* Transfers find their streams. */
void channel_transfers_init(void);

/* A line of the client. */
void channel_transfer_take(struct transfer *transfer, const struct request *request);
/* True when a line was sent. */
bool channel_transfer_step(struct machine_channel *channel, struct transfer *transfer);
/* The TSC at which channel_transfer_step has something to do, if nothing else happens. */
u64 channel_transfer_deadline(const struct machine_channel *channel,
			      const struct transfer *transfer);
