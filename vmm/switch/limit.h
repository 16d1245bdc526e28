/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * What a port may send: packets and bytes a second as the manager says (share.h), frames for more
 * than one receiver as the switch thinks.
 */
#define LIMIT_FLOODS	   1000u /* a second */
#define LIMIT_FLOODS_BURST 256u

void limit_open(struct port *port, const struct share_given *given);
/* The same port with other numbers; no more than a look where nothing has changed. */
void limit_change(struct port *port, const struct share_given *given);

/* One frame for many. False: the port has sent too many of them lately. */
bool limit_flood(struct port *port, u64 now) MUST_CHECK;
