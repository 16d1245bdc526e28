/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * Finds loops among ports with unknown MAC addresses behind them: uplinks, and guests that may send
 * from any source. There is no spanning tree. Where a network has two such ports or more, each open
 * port sends a probe every second. A probe that comes back by another port has gone round a loop:
 * then one of the two ports is blocked until no probe has come for a while. A guest's port is
 * blocked rather than an uplink, and a port with a higher number rather than one with a lower. An
 * uplink that comes up beside an open one listens for probes before it opens. When an uplink goes
 * down, the ports blocked because of it open at once; so two uplinks on one wire stand in for each
 * other.
 */
#define LOOP_PROBE_NS (1 * NS_PER_S)
/* A loop counts as ended when no probe has come back by it for this time. */
#define LOOP_HOLD_NS (3 * NS_PER_S)

/*
 * Update a port's state: loop_come when it is added, loop_leave when it is about to be removed,
 * loop_set_down when its wire comes or goes.
 */
void loop_come(struct port *port);
void loop_leave(struct port *port);
void loop_set_down(struct port *port, bool down);
/* Returns true if the frame is a probe of this switch; the probe has then been handled. */
bool loop_take_probe(const struct packet *packet);
/* Sends probes, and opens listening and blocked ports, when their time has come. */
void loop_tick(u64 now);
/* Returns the time at which loop_tick has work next, in ticks of the TSC; ~0: never. */
u64 loop_deadline(void);
