/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv6 address, or an IPv4 address in IPv6's form (::ffff:a.b.c.d; RFC 4291, 2.5.5.2). */
enum { ADDRESS_BYTES = 16, ADDRESS_RANGES = 64 };

/* All addresses whose first bits equal the first bits of `first`. */
struct address_range {
	uint8_t first[ADDRESS_BYTES];
	unsigned bits;
};

/* Reads ADDRESS/BITS, or ADDRESS alone. Returns false if the text is no such range. */
bool address_read_range(const char *text, struct address_range *range);
bool address_within(const struct address_range *range, const uint8_t *address);
/* Writes the address's range as text, ADDRESS/BITS; `bits` counts the leading bits of all 128. */
void address_text(const uint8_t *address, unsigned bits, char *text, size_t room);
/* Copies the address out of a socket address; returns false if that is neither IPv4 nor IPv6. */
bool address_of(const struct sockaddr *socket, uint8_t *address);
/*
 * Returns whether the address belongs to the internet: not to loopback, a link, a private network,
 * a multicast group or documentation, and not one that stands for another address (such as 6to4).
 */
bool address_global(const uint8_t *address);
