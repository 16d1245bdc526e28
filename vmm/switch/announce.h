/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/port.h"

/*
 * Tells the wires of uplinks that have opened since, port_sets.announce, which addresses are here:
 * bridges out there may still think that the way is another one. For each address of the network's
 * own side a request of RARP is sent, from it to all (RFC 903): no guest has to help, and nobody
 * answers it.
 */
void announce_all(void);
