/* SPDX-License-Identifier: MIT */
/*
 * Asks name servers for the addresses of a host, over UDP (RFC 1035). The process that connects to
 * hosts and the one that answers clients' questions call it: neither has keys, which the parser of
 * answers could otherwise reach.
 */
#include "gateway/proxy/resolve.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"

enum { RESOLVE_TRIES = 3, RESOLVE_TRY_MS = 2000 };

int resolve_send(const struct rules *rules, const char *name, unsigned number, uint8_t *question,
		 size_t *asked)
{
	struct sockaddr_in server = {.sin_family = AF_INET,
				     .sin_port = htons((uint16_t)rules->resolver_port)};
	int fd;
	uint16_t id;

	if (!rules->resolver_count || getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -1;
	server.sin_addr.s_addr = htonl(rules->resolvers[number % rules->resolver_count]);
	*asked = dns_ask(question, id, name);
	fd = *asked ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&server, sizeof(server)) == 0 &&
	    send(fd, question, *asked, MSG_NOSIGNAL) == (ssize_t)*asked)
		return fd;
	close(fd);
	return -1;
}

/* Asks a name server once, and waits for its answer. Returns whether there is one. */
static bool resolve_try(const struct rules *rules, const char *name, unsigned number,
			struct dns_answer *answer)
{
	int64_t until_ms = clock_ms() + RESOLVE_TRY_MS, left_ms;
	uint8_t question[DNS_QUESTION_BYTES], packet[DNS_PACKET_BYTES];
	size_t asked;
	int fd = resolve_send(rules, name, number, question, &asked);
	bool found = false;

	while (fd >= 0 && !found && (left_ms = until_ms - clock_ms()) > 0) {
		struct pollfd wait = {fd, POLLIN, 0};
		ssize_t count;

		if (poll(&wait, 1, (int)left_ms) <= 0)
			continue;
		count = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
		if (count < 0)
			break;
		found = dns_read_answer(answer, packet, (size_t)count, question, asked);
	}
	if (fd >= 0)
		close(fd);
	return found;
}

unsigned resolve_pinned(const struct rules *rules, const char *name, uint32_t *addresses)
{
	unsigned found = 0;

	for (size_t i = 0; i < rules->pinned_count && found < DNS_ADDRESSES; i++) {
		if (!strcmp(rules->pinned[i].name, name))
			addresses[found++] = rules->pinned[i].address;
	}
	return found;
}

int resolve_name(const struct rules *rules, const char *name, uint32_t *addresses)
{
	int found = (int)resolve_pinned(rules, name, addresses);
	struct dns_answer answer;

	if (found)
		return found;
	for (unsigned i = 0; i < RESOLVE_TRIES; i++) {
		if (!resolve_try(rules, name, i, &answer))
			continue;
		memcpy(addresses, answer.addresses, sizeof(answer.addresses));
		return answer.code == DNS_DONE ? (int)answer.count : RESOLVE_NO_ANSWER;
	}
	return RESOLVE_NO_ANSWER;
}
