/* SPDX-License-Identifier: MIT */
#include "vmm/switch/limit.h"

#include "lib/string.h"
#include "vmm/rt/clock.h"

/*
 * A bucket holds what comes in within 1 / BURST_PART of a second: that long the switch may be late
 * and nothing is lost. A port over its limit is read again once there is enough for
 * 1 / WAKE_PART of a second.
 */
#define BURST_PART	200u
#define WAKE_PART	2000u
#define BURST_PACKETS	2u
#define BURST_BYTES	4096u

static u64 packets_burst(const struct net_limit *limit)
{
	return MAX(limit->packets / BURST_PART, BURST_PACKETS);
}

static u64 bytes_burst(const struct net_limit *limit)
{
	return MAX(limit->burst, MAX(limit->bytes / BURST_PART, BURST_BYTES));
}

static void set_weight(struct port *port, const struct net_limit *limit)
{
	port->weight = MIN(MAX(limit->weight, 1), LIMIT_WEIGHT_MAX);
	port->limited = (limit->packets | limit->bytes) != 0;
}

void limit_open(struct port *port, const struct net_limit *limit)
{
	u64 second = clock_ns_to_tsc(NS_PER_S);
	u64 now_tsc = clock_tsc();

	bucket_open(&port->packets, limit->packets, packets_burst(limit), second, now_tsc);
	bucket_open(&port->bytes, limit->bytes, bytes_burst(limit), second, now_tsc);
	bucket_open(&port->floods, LIMIT_FLOODS, LIMIT_FLOODS_BURST, second, now_tsc);
	set_weight(port, limit);
}

void limit_change(struct port *port, const struct net_limit *limit)
{
	u64 now_tsc = clock_tsc();

	if (memcmp(limit, &port->given.port.limit, sizeof(*limit)) == 0)
		return;
	port->given.port.limit = *limit;
	bucket_change(&port->packets, limit->packets, packets_burst(limit), now_tsc);
	bucket_change(&port->bytes, limit->bytes, bytes_burst(limit), now_tsc);
	set_weight(port, limit);
	/* one that waits is looked at again, and waits as the new limit has it */
	port_sets.active |= port_sets.throttled & BIT(port->index);
	port_sets.throttled &= ~BIT(port->index);
}

bool limit_refill(struct port *port, u64 now_tsc)
{
	bucket_fill(&port->packets, now_tsc);
	bucket_fill(&port->bytes, now_tsc);
	if (limit_may_go(port))
		return true;
	port->ready_at = MAX(bucket_ready_at(&port->packets, port->packets.rate / WAKE_PART),
			     bucket_ready_at(&port->bytes, port->bytes.rate / WAKE_PART));
	return false;
}

bool limit_flood(struct port *port, u64 now_tsc)
{
	bucket_fill(&port->floods, now_tsc);
	if (!bucket_may_go(&port->floods))
		return false;
	bucket_take(&port->floods, 1);
	return true;
}
