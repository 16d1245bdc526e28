/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * Into the ring of a port's client: as it is, or with what the client cannot do done before. A ring
 * without room costs the frame, at that port. port_publish shows it to the client.
 */
void deliver(struct port *to, const struct packet *packet);
/* The same for a mirror, which takes everything and is told the VLAN by a tag. */
void deliver_copy(struct port *to, const struct packet *packet);

/* Counts one frame that was added to the port's ring. */
void deliver_count(struct port *to, u32 bytes);
