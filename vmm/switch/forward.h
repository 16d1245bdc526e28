/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/port.h"

/* What a frame costs besides its bytes, in bytes: so much can be copied for the work it makes. */
#define FORWARD_OVERHEAD 1024u

/* The network's. */
void forward_init(u32 mtu);
/*
 * Takes one frame that a port has sent to where it belongs, or counts why it was dropped, and has
 * the port pay for it. *header is a copy; the frame may still be written to by the port's client.
 */
void forward(struct port *from, const struct frame_header *header, const u8 *frame);
