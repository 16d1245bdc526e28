/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/transfer/transfer.h"

struct request;

/* Registers with transfer.c how transfers open and end streams. */
void channel_transfers_init(void);

/* Handles a client's line about the transfer. */
void channel_transfer_take(struct transfer *transfer, const struct request *request);
/* Sends the client the next line that a transfer has for it; returns whether a line was sent. */
bool channel_transfer_step(struct machine_channel *channel, struct transfer *transfer);
/* Returns the TSC at which channel_transfer_step has work, if nothing happens before. */
u64 channel_transfer_deadline(const struct machine_channel *channel,
			      const struct transfer *transfer);
