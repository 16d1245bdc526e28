/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/port.h"

/*
 * Announces, through each uplink in port_sets.announce, the MAC addresses of the network's own
 * side: the bridges beyond the uplink may still know another path to them. For each address of the
 * network's own side the function sends one broadcast RARP request from that address (RFC 903): no
 * guest has to help, and nobody answers.
 */
void announce_all(void);
