/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IPv4 addresses and prefixes, in the host's order of bytes. */
struct range {
	uint32_t address, mask;
};

enum { RANGE_OWN = 64, RANGE_TEXT = 16 };

/* Reads ADDRESS[/BITS]. Returns false if the text has another form. */
bool range_read(struct range *range, const char *text);
bool range_has(const struct range *range, uint32_t address);
/* Returns whether one of the ranges has the address. */
bool range_any(const struct range *ranges, size_t count, uint32_t address);
/*
 * Returns whether the address cannot belong to a host of the internet: private, loopback,
 * link-local, for documentation, multicast and others of IANA's list of special addresses.
 */
bool range_special(uint32_t address);
/*
 * Writes the prefixes of this computer's interfaces, at most RANGE_OWN. Returns their number, or -1
 * if there are more or they cannot be read.
 */
int range_own(struct range *ranges);
/* Writes the address as text (RANGE_TEXT bytes). */
void range_text(char *text, uint32_t address);
