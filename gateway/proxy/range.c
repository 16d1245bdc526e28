/* SPDX-License-Identifier: MIT */
/*
 * Tells which IPv4 addresses a rule's host may have only if the rule lists them. The configuration
 * and the process that connects call it.
 */
#include "gateway/proxy/range.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/address.h"

bool range_read(struct range *range, const char *text)
{
	const char *slash = strchr(text, '/');
	char address[RANGE_TEXT] = "", *end = NULL;
	unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : 32;
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct in_addr number;

	if (length >= sizeof(address) || bits > 32 ||
	    (slash && (*end || slash[1] < '0' || slash[1] > '9')))
		return false;
	memcpy(address, text, length);
	if (inet_pton(AF_INET, address, &number) != 1)
		return false;
	range->address = ntohl(number.s_addr);
	range->mask = bits ? UINT32_MAX << (32 - bits) : 0;
	return (range->address & ~range->mask) == 0;
}

bool range_has(const struct range *range, uint32_t address)
{
	return (address & range->mask) == (range->address & range->mask);
}

bool range_any(const struct range *ranges, size_t count, uint32_t address)
{
	for (size_t i = 0; i < count; i++) {
		if (range_has(ranges + i, address))
			return true;
	}
	return false;
}

bool range_special(uint32_t address)
{
	const struct sockaddr_in socket = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
	uint8_t bytes[ADDRESS_BYTES];

	return !address_of((const void *)&socket, bytes) || !address_global(bytes);
}

int range_own(struct range *ranges)
{
	struct ifaddrs *list;
	int count = 0;

	if (getifaddrs(&list) < 0)
		return -1;
	for (const struct ifaddrs *each = list; each && count <= RANGE_OWN; each = each->ifa_next) {
		const struct sockaddr_in *address = (const void *)each->ifa_addr;
		const struct sockaddr_in *mask = (const void *)each->ifa_netmask;

		if (!address || !mask || address->sin_family != AF_INET)
			continue;
		if (count < RANGE_OWN)
			ranges[count] = (struct range){ntohl(address->sin_addr.s_addr),
						       ntohl(mask->sin_addr.s_addr)};
		count++;
	}
	freeifaddrs(list);
	return count > RANGE_OWN ? -1 : count;
}

void range_text(char *text, uint32_t address)
{
	struct in_addr number = {htonl(address)};

	inet_ntop(AF_INET, &number, text, RANGE_TEXT);
}
