/* SPDX-License-Identifier: MIT */
/*
 * Asks a name server for the addresses of a host, over UDP (RFC 1035). The process that connects to
 * hosts calls it: that process has no keys, which the parser of answers could otherwise reach.
 */
#include "gateway/proxy/resolve.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/proxy/clock.h"

enum {
	RESOLVE_TRIES = 3,
	RESOLVE_TRY_MS = 2000,
	RESOLVE_HEADER = 12,
	RESOLVE_RECORDS = 64, /* the most records of an answer that are read */
};

static unsigned resolve_u16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

size_t resolve_question(uint8_t *packet, uint16_t id, const char *name)
{
	static const uint8_t head[] = {1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	static const uint8_t tail[] = {0, 0, 1, 0, 1}; /* the name's end; type A, class IN */
	size_t at = RESOLVE_HEADER;

	packet[0] = (uint8_t)(id >> 8);
	packet[1] = (uint8_t)id;
	memcpy(packet + 2, head, sizeof(head));
	while (*name) {
		size_t label = strcspn(name, ".");

		if (!label || label > 63 || at + label > 250 + RESOLVE_HEADER)
			return 0;
		packet[at++] = (uint8_t)label;
		memcpy(packet + at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	memcpy(packet + at, tail, sizeof(tail));
	return at + sizeof(tail);
}

/* Returns the offset behind the name at `at`, or 0 if the name does not end within the packet. */
static size_t resolve_skip(const uint8_t *packet, size_t count, size_t at)
{
	while (at < count) {
		if (packet[at] == 0)
			return at + 1;
		if ((packet[at] & 0xC0) == 0xC0)
			return at + 2 <= count ? at + 2 : 0;
		if (packet[at] & 0xC0)
			return 0;
		at += 1 + (size_t)packet[at];
	}
	return 0;
}

int resolve_answer(const uint8_t *packet, size_t count, const uint8_t *question, size_t asked,
		   uint32_t *addresses)
{
	size_t at = asked, records;
	int found = 0;

	/*
	 * The answer must repeat the number and the question, be marked as an answer, and report no
	 * error.
	 */
	if (count < asked || memcmp(packet, question, 2) || !(packet[2] & 0x80) ||
	    packet[3] & 0x0F || resolve_u16(packet + 4) != 1 ||
	    memcmp(packet + RESOLVE_HEADER, question + RESOLVE_HEADER, asked - RESOLVE_HEADER))
		return RESOLVE_NO_ANSWER;
	records = resolve_u16(packet + 6);
	if (records > RESOLVE_RECORDS)
		records = RESOLVE_RECORDS;
	while (records-- && found < RESOLVE_ADDRESSES) {
		size_t length;

		at = resolve_skip(packet, count, at);
		if (!at || count - at < 10)
			break;
		length = resolve_u16(packet + at + 8);
		if (count - at - 10 < length)
			break;
		if (resolve_u16(packet + at) == 1 && resolve_u16(packet + at + 2) == 1 &&
		    length == 4) {
			uint32_t address;

			memcpy(&address, packet + at + 10, sizeof(address));
			addresses[found++] = ntohl(address);
		}
		at += 10 + length;
	}
	return found;
}

/* Sends the question once, and waits for its answer. */
static int resolve_try(int fd, const uint8_t *question, size_t asked, uint32_t *addresses)
{
	uint8_t packet[RESOLVE_PACKET_BYTES];
	int64_t until_ms = clock_ms() + RESOLVE_TRY_MS, left_ms;

	if (send(fd, question, asked, MSG_NOSIGNAL) < 0)
		return RESOLVE_NO_ANSWER;
	while ((left_ms = until_ms - clock_ms()) > 0) {
		struct pollfd wait = {fd, POLLIN, 0};
		ssize_t count;
		int found;

		if (poll(&wait, 1, (int)left_ms) <= 0)
			continue;
		count = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (count < 0)
			return RESOLVE_NO_ANSWER;
		found = resolve_answer(packet, (size_t)count, question, asked, addresses);
		if (found != RESOLVE_NO_ANSWER)
			return found;
	}
	return RESOLVE_NO_ANSWER;
}

/* Asks the name server, from a port that the kernel picks for this question. */
static int resolve_ask(const struct rules *rules, const char *name, uint32_t *addresses)
{
	struct sockaddr_in server = {.sin_family = AF_INET,
				     .sin_port = htons((uint16_t)rules->resolver_port),
				     .sin_addr = {htonl(rules->resolver)}};
	uint8_t question[RESOLVE_PACKET_BYTES];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), found = RESOLVE_NO_ANSWER;
	uint16_t id;
	size_t asked;

	if (fd < 0)
		return RESOLVE_NO_ANSWER;
	if (getrandom(&id, sizeof(id), 0) == sizeof(id) &&
	    connect(fd, (const struct sockaddr *)&server, sizeof(server)) == 0) {
		asked = resolve_question(question, id, name);
		for (int i = 0; asked && i < RESOLVE_TRIES && found == RESOLVE_NO_ANSWER; i++)
			found = resolve_try(fd, question, asked, addresses);
	}
	close(fd);
	return found;
}

int resolve_name(const struct rules *rules, const char *name, uint32_t *addresses)
{
	int found = 0;

	for (size_t i = 0; i < rules->pinned_count && found < RESOLVE_ADDRESSES; i++) {
		if (!strcmp(rules->pinned[i].name, name))
			addresses[found++] = rules->pinned[i].address;
	}
	if (found)
		return found;
	return rules->resolver ? resolve_ask(rules, name, addresses) : RESOLVE_NO_ANSWER;
}
