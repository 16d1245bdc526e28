/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes MAC and IPv4 addresses. Called by the configuration, card.c and the commands on
 * networks. Holds no state.
 */
#include "vmm/manager/text/parse_address.h"

#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define MAC_BYTES 6u
/* the bit of the first byte that marks a MAC address as that of a group (multicast) */
#define MAC_GROUP  1u
#define IPV4_BYTES 4u
/*
 * the first byte from which on IPv4 addresses belong to groups (multicast), experiments or
 * broadcasts
 */
#define IPV4_GROUP_FIRST 224u

static int parse_address_digit_of(char c)
{
	if (char_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool parse_mac(struct text text, u64 *mac)
{
	*mac = 0;
	if (text.length != 3 * MAC_BYTES - 1)
		return false;
	for (size_t i = 0; i < MAC_BYTES; i++) {
		int high = parse_address_digit_of(text.start[3 * i]);
		int low = parse_address_digit_of(text.start[3 * i + 1]);

		if (high < 0 || low < 0 || (i > 0 && text.start[3 * i - 1] != ':'))
			return false;
		*mac |= (u64)(high << 4 | low) << 8 * i;
	}
	return *mac != 0 && (*mac & MAC_GROUP) == 0;
}

bool parse_ipv4(struct text text, u32 *address)
{
	size_t at = 0;

	*address = 0;
	for (u32 i = 0; i < IPV4_BYTES; i++) {
		size_t end = at;
		u64 value;

		while (end < text.length && text.start[end] != '.')
			end++;
		if (!parse_u64((struct text){text.start + at, end - at}, &value) || value > 255 ||
		    (end == text.length) != (i == IPV4_BYTES - 1))
			return false;
		*address |= (u32)value << 8 * i;
		at = end + 1;
	}
	return (*address & 0xff) != 0 && (*address & 0xff) < IPV4_GROUP_FIRST;
}

void address_format_mac(u64 mac, char text[MAC_TEXT_BYTES])
{
	format(text, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", (u32)(mac & 0xff),
	       (u32)(mac >> 8 & 0xff), (u32)(mac >> 16 & 0xff), (u32)(mac >> 24 & 0xff),
	       (u32)(mac >> 32 & 0xff), (u32)(mac >> 40 & 0xff));
}

void address_format_ipv4(u32 address, char *text, size_t size)
{
	format(text, size, "%u.%u.%u.%u", address & 0xff, address >> 8 & 0xff, address >> 16 & 0xff,
	       address >> 24);
}
