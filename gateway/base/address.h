/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An address of IPv6, or one of IPv4 as IPv6 has it (::ffff:a.b.c.d; RFC 4291, 2.5.5.2). */
enum { ADDRESS_BYTES = 16, ADDRESS_RANGES = 64 };

/* All addresses whose first bits are those of `first`. */
struct address_range {
	uint8_t first[ADDRESS_BYTES];
	unsigned bits;
};

/* Reads ADDRESS/BITS, or ADDRESS alone. Returns false if the text is no such range. */
bool address_read_range(const char *text, struct address_range *range);
bool address_within(const struct address_range *range, const uint8_t *address);
/* Writes the range of an address as text, ADDRESS/BITS; `bits` counts from the first of 128. */
void address_text(const uint8_t *address, unsigned bits, char *text, size_t room);
/* Writes the address of a socket's; returns false if it is of neither IP. */
bool address_of(const struct sockaddr *socket, uint8_t *address);
/*
 * Returns whether the address is one of the internet: not of loopback, a link, a private network,
 * a group, documentation, or one that stands for another (such as 6to4).
 */
bool address_global(const uint8_t *address);
