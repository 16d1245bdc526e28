/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * Cuts a frame that offload_check has passed into segments with checksums of their own, for the
 * client of a port that cannot take it whole. If the port's ring has no room for all segments, the
 * last are lost, as on a wire.
 */
void segment_deliver(struct port *to, const struct packet *packet, bool tagged);
