/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/packet.h"

/*
 * Whether the port may send with these source addresses; what an uplink sends from is learnt. To be
 * asked once the VLAN is known.
 */
bool source_is_allowed(const struct packet *packet) MUST_CHECK;
