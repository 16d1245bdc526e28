/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * The limits on what a port may send: packets and bytes a second as the manager sets them
 * (share.h), and frames for more than one receiver as the switch sets them.
 */
/* frames for more than one receiver that a port may send each second */
#define LIMIT_FLOODS	   1000u
#define LIMIT_FLOODS_BURST 256u

void limit_open(struct port *port, const struct share_given *given);
/* Changes a port's limits to those given; returns at once if they are the same. */
void limit_change(struct port *port, const struct share_given *given);

/*
 * Charges the port's allowance for one frame with more than one receiver. Returns false if the port
 * has sent too many of them lately.
 */
bool limit_flood(struct port *port, u64 now) MUST_CHECK;
