/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/port.h"

/*
 * What each frame costs its port, in bytes, besides its length: as many bytes as could be copied in
 * the time that a frame takes.
 */
#define FORWARD_OVERHEAD 1024u

/* Sets the network's MTU, in bytes, which forward enforces. */
void forward_init(u32 mtu);
/*
 * Forwards one frame of a port to its receivers, or counts why it was dropped, and charges the port
 * for it. *header is a copy; the port's client may still write to the frame.
 */
void forward(struct port *from, const struct frame_header *header, const u8 *frame);
