/* SPDX-License-Identifier: MIT */
/*
 * Applies the limits of ports: packets and bytes a second, and frames with many receivers. Called
 * by port.c and forward.c; changes the port's share and bucket and the sets of ports.
 */
#include "vmm/switch/limit.h"

#include "vmm/rt/clock.h"

void limit_open(struct port *port, const struct share_given *given)
{
	share_open(&port->share, given);
	bucket_open(&port->floods, LIMIT_FLOODS, LIMIT_FLOODS_BURST, clock_ns_to_tsc(NS_PER_S),
		    clock_tsc());
}

void limit_change(struct port *port, const struct share_given *given)
{
	if (!share_change(&port->share, given))
		return;
	/*
	 * a port over its old limit gets a turn, in which the new limit decides when it may go on
	 */
	port_sets.active |= port_sets.throttled & BIT(port->index);
	port_sets.throttled &= ~BIT(port->index);
}

bool limit_flood(struct port *port, u64 now_tsc)
{
	bucket_fill(&port->floods, now_tsc);
	if (!bucket_may_go(&port->floods))
		return false;
	bucket_take(&port->floods, 1);
	return true;
}
