/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/switch/port.h"

/*
 * Announces through each uplink in port_sets.announce which addresses are on this side: bridges out
 * there may still know another path. For each address of the network's own side it sends one
 * broadcast RARP request from that address (RFC 903): no guest has to help, and nobody answers.
 */
void announce_all(void);
