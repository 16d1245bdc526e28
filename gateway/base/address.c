/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes IP addresses, and tells which of them belong to the internet. The process hook
 * asks about each address that it is about to connect to, core about its own computer's,
 * skerry-proxy about those that a host's name resolves to; the file looks at its arguments and
 * nothing else.
 */
#include "gateway/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"

/*
 * IANA's registries of special-purpose addresses. Of IPv6 only 2000::/3 is assigned; the parts of
 * it that stand for IPv4 addresses are listed, too.
 */
static const char *const address_special[] = {
	"0.0.0.0/8",	 "10.0.0.0/8",	    "100.64.0.0/10",  "127.0.0.0/8",	"169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",	"2001::/23",
	"2001:db8::/32", "2002::/16",	    "3fff::/20",
};

static const uint8_t address_mapped[12] = {[10] = 0xff, [11] = 0xff};

static void address_map(const struct in_addr *from, uint8_t *address)
{
	memcpy(address, address_mapped, sizeof(address_mapped));
	memcpy(address + sizeof(address_mapped), from, sizeof(*from));
}

bool address_read_range(const char *text, struct address_range *range)
{
	const char *stroke = strchr(text, '/');
	size_t length = stroke ? (size_t)(stroke - text) : strlen(text);
	char address[INET6_ADDRSTRLEN], *end = NULL;
	struct in_addr four;
	unsigned most = 128;
	unsigned long bits;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = 0;
	if (inet_pton(AF_INET, address, &four) == 1) {
		address_map(&four, range->first);
		most = 32;
	} else if (inet_pton(AF_INET6, address, range->first) != 1) {
		return false;
	}
	bits = stroke ? strtoul(stroke + 1, &end, 10) : most;
	if (stroke && (stroke[1] < '0' || stroke[1] > '9' || *end || bits > most))
		return false;
	range->bits = 128 - most + (unsigned)bits;
	return true;
}

bool address_within(const struct address_range *range, const uint8_t *address)
{
	unsigned whole = range->bits / 8, rest = range->bits % 8;

	return !memcmp(range->first, address, whole) &&
	       (!rest || !((range->first[whole] ^ address[whole]) >> (8 - rest)));
}

void address_text(const uint8_t *address, unsigned bits, char *text, size_t room)
{
	bool four = !memcmp(address, address_mapped, sizeof(address_mapped)) && bits >= 96;
	char name[INET6_ADDRSTRLEN];

	inet_ntop(four ? AF_INET : AF_INET6, address + (four ? sizeof(address_mapped) : 0), name,
		  sizeof(name));
	snprintf(text, room, "%s/%u", name, four ? bits - 96 : bits);
}

bool address_of(const struct sockaddr *socket, uint8_t *address)
{
	if (socket->sa_family == AF_INET)
		address_map(&((const struct sockaddr_in *)(const void *)socket)->sin_addr, address);
	else if (socket->sa_family == AF_INET6)
		memcpy(address, &((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr,
		       ADDRESS_BYTES);
	return socket->sa_family == AF_INET || socket->sa_family == AF_INET6;
}

bool address_global(const uint8_t *address)
{
	bool four = !memcmp(address, address_mapped, sizeof(address_mapped));
	struct address_range range;

	if (!four && address[0] >> 5 != 1)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(address_special); i++) {
		if (address_read_range(address_special[i], &range) &&
		    address_within(&range, address))
			return false;
	}
	return true;
}
