/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * What a port may send: packets and bytes a second as the manager says, frames for more than one
 * receiver as the switch thinks.
 */
#define LIMIT_FLOODS	   1000u /* a second */
#define LIMIT_FLOODS_BURST 256u
#define LIMIT_WEIGHT_MAX   1000000u

void limit_open(struct port *port, const struct net_limit *limit);
/* The same port with other numbers; no more than a look where nothing has changed. */
void limit_change(struct port *port, const struct net_limit *limit);

/* Before its turn. False: it is over its limit until port->ready_at. */
bool limit_refill(struct port *port, u64 now) MUST_CHECK;

static inline bool limit_may_go(const struct port *port)
{
	return bucket_may_go(&port->packets) && bucket_may_go(&port->bytes);
}

static inline void limit_take(struct port *port, u32 packets, u32 bytes)
{
	bucket_take(&port->packets, packets);
	bucket_take(&port->bytes, bytes);
}

/* One frame for many. False: the port has sent too many of them lately. */
bool limit_flood(struct port *port, u64 now) MUST_CHECK;
