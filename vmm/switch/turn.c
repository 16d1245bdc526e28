/* SPDX-License-Identifier: MIT */
/*
 * The scheduler of the switch's ports: serves all ports that have frames in turn, by weight and
 * within their limits. Called by main.c; owns the turns and hands each frame to forward.c.
 */
#include "vmm/switch/turn.h"

#include "vmm/switch/forward.h"
#include "vmm/switch/limit.h"

_Static_assert(TURN_BYTES / (FORWARD_OVERHEAD + FRAME_BYTES_MIN) <= TURN_FRAMES,
	       "a turn ends by what is paid, so that weights count for small frames as well");

/* The number of frames after which receivers are signalled, in the middle of a turn too. */
#define PUBLISH_FRAMES 64u

/* the TSC at which the first of the ports that are over their limit may go on */
static u64 next_ready = ~0ull;

static void turn_throttle(struct port *port)
{
	port_sets.active &= ~BIT(port->index);
	port_sets.throttled |= BIT(port->index);
	next_ready = MIN(next_ready, port->share.ready_at);
}

static bool turn_can_wait(const struct port *port)
{
	return (port->flags & NET_PORT_UPLINK) == 0;
}

/* Returns false if the port is over its limit and has to wait. */
static bool turn_is_within_limit(struct port *port, u64 now)
{
	return share_refill(&port->share, now) || !turn_can_wait(port);
}

/* Ends a port's turns until its client has sent frames again. */
static void turn_rest(struct port *port)
{
	share_rest(&port->share);
	if (link_may_wait(&port->end))
		port_sets.active &= ~BIT(port->index);
}

static u32 turn_serve(struct port *port, u64 largest, u64 now)
{
	struct frame_header header;
	const u8 *frame;
	u32 count = 0;

	port_renew(port);
	if (unlikely(port->share.limited) && !turn_is_within_limit(port, now)) {
		turn_throttle(port);
		return 0;
	}
	share_begin_turn(&port->share, largest, TURN_BYTES);
	while (count < TURN_FRAMES && port->share.deficit > 0) {
		if (unlikely(port->share.limited) && !share_may_go(&port->share) &&
		    turn_can_wait(port))
			break;
		if (!frames_next(&port->end, &header, &frame)) {
			turn_rest(port);
			break;
		}
		forward(port, &header, frame);
		frames_drop(&port->end, &header);
		count++;
	}
	/* the client may wait for room in its ring, which reading its frames has made */
	port_sets.changed |= BIT(port->index);
	return count;
}

static u64 turn_largest_weight(void)
{
	u64 weight = 1;

	for (u64 set = port_sets.active; set != 0; set &= set - 1)
		weight = MAX(weight, ports[bit_lowest(set)].share.weight);
	return weight;
}

u32 turn_round(u64 now)
{
	u64 largest = turn_largest_weight();
	u32 count = 0;
	u32 unpublished = 0;

	for (u64 set = port_sets.active; set != 0; set &= set - 1) {
		struct port *port = &ports[bit_lowest(set)];
		u32 taken = turn_serve(port, largest, now);

		count += taken;
		unpublished += taken;
		if (unpublished >= PUBLISH_FRAMES) {
			port_publish();
			unpublished = 0;
		}
	}
	port_publish();
	return count;
}

void turn_wake(u64 now)
{
	if (now < next_ready)
		return;
	next_ready = ~0ull;
	for (u64 set = port_sets.throttled; set != 0; set &= set - 1) {
		struct port *port = &ports[bit_lowest(set)];

		if (port->share.ready_at > now) {
			next_ready = MIN(next_ready, port->share.ready_at);
			continue;
		}
		port_sets.throttled &= ~BIT(port->index);
		port_sets.active |= BIT(port->index);
	}
}

u64 turn_deadline(void)
{
	return next_ready;
}
