/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * Loops among ports behind which there may be any address: uplinks, and guests that send from any
 * source. There is no spanning tree. Where a network has two such ports or more, each open one
 * sends a probe every second. One that comes back by another port has gone round a loop: of the two
 * ports the one that counts less is blocked until no probe has come for a while. An uplink counts
 * more than a guest's port, then the earlier one more than the later one.
 *
 * An uplink that comes up beside an open one listens before it opens. When an uplink goes down,
 * what was blocked because of it opens at once. So two uplinks on one wire stand in for each other.
 */
#define LOOP_PROBE_NS (1 * NS_PER_S)
/* Without a probe for so long there is no loop any more. */
#define LOOP_HOLD_NS  (3 * NS_PER_S)

/* A port has come, is about to leave, or its wire is there or not; then it has its state. */
void loop_come(struct port *port);
void loop_leave(struct port *port);
void loop_set_down(struct port *port, bool down);
/* True: the frame is a probe of this switch, which has been acted on and goes no further. */
bool loop_take_probe(const struct packet *packet);
/* Sends probes, and opens ports, when it is time. */
void loop_tick(u64 now);
/* When loop_tick has something to do; ~0: never. */
u64 loop_deadline(void);
