/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/* Network addresses as numbers whose lowest byte is the first. */
#define MAC_TEXT_BYTES 18u

/*
 * Reads the address of one card, "52:54:00:12:34:56", which is neither all zero nor a group's
 * address.
 */
bool parse_mac(struct text text, u64 *mac);
/*
 * Reads the address of one host, "10.0.2.15", which is not 0.0.0.0, a group's address or
 * 255.255.255.255.
 */
bool parse_ipv4(struct text text, u32 *address);
void address_format_mac(u64 mac, char text[MAC_TEXT_BYTES]);
void address_format_ipv4(u32 address, char *text, size_t size);
