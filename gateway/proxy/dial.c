/* SPDX-License-Identifier: MIT */
/*
 * Finds a host's address, checks it and connects to exactly that address. The connecting process
 * runs dial_serve(); the process with the client's connection calls dial_ask().
 */
#include "gateway/proxy/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/message.h"
#include "gateway/base/string.h"
#include "gateway/proxy/resolve.h"

enum { DIAL_CONNECT_MS = 10000, DIAL_ASK_MS = 30000 };

enum dial_result { DIAL_DONE, DIAL_NAME, DIAL_NO_ADDRESS, DIAL_FORBIDDEN, DIAL_CONNECT, DIAL_LOST };

static const struct dial_problem {
	unsigned status;
	const char *why;
} dial_problems[] = {
	[DIAL_DONE] = {200, ""},
	[DIAL_NAME] = {502, "no name server has said what the host's address is: set resolver, or "
			    "resolve = NAME ADDRESS"},
	[DIAL_NO_ADDRESS] = {502, "the host has no IPv4 address"},
	[DIAL_FORBIDDEN] = {403, "the host's name stands for an address that its rule does not "
				 "allow: a line address = RANGE in the rule would"},
	[DIAL_CONNECT] = {502, "no connection to the host could be made"},
	[DIAL_LOST] = {502, "the process that connects to hosts has failed or did not answer in "
			    "time"},
};

/* Connects to the address, and gives up at the given time. Returns the descriptor, or -1. */
static int dial_connect(uint32_t address, unsigned port, int64_t until_ms)
{
	struct sockaddr_in host = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port),
				   .sin_addr = {htonl(address)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), wrong = 0, yes = 1;
	struct pollfd wait = {fd, POLLOUT, 0};
	socklen_t length = sizeof(wrong);
	int64_t left_ms = until_ms - clock_ms();

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (const struct sockaddr *)&host, sizeof(host)) == 0)
		return fd;
	if (errno == EINPROGRESS && left_ms > 0 && poll(&wait, 1, (int)left_ms) == 1 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &wrong, &length) == 0 && !wrong)
		return fd;
	close(fd);
	return -1;
}

/* Connects to the host of a rule. */
static enum dial_result dial_rule(const struct rules *rules, const struct rule *rule, int *fd)
{
	uint32_t addresses[DNS_ADDRESSES];
	int count = resolve_name(rules, rule->name, addresses);
	int64_t until_ms = clock_ms() + DIAL_CONNECT_MS;
	enum dial_result result = DIAL_FORBIDDEN;

	if (count <= 0)
		return count < 0 ? DIAL_NAME : DIAL_NO_ADDRESS;
	for (int i = 0; i < count; i++) {
		if (!rule_address(rules, rule, addresses[i]))
			continue;
		result = DIAL_CONNECT;
		*fd = dial_connect(addresses[i], rule->port, until_ms);
		if (*fd >= 0)
			return DIAL_DONE;
	}
	return result;
}

void dial_serve(int fd, const struct rules *rules)
{
	static char bytes[MESSAGE_BYTES];
	struct message_socket socket = {.fd = fd};
	struct message_head head;

	for (;;) {
		struct pollfd wait = {fd, POLLIN, 0};
		enum dial_result result = DIAL_LOST;
		int pass = -1;
		long count;

		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return;
		count = message_receive(&socket, &head, bytes, NULL);
		if (count == -1)
			continue;
		if (count < 0)
			return;
		if (head.id < rules->count)
			result = dial_rule(rules, rules->list + head.id, &pass);
		head.value = result;
		if (!message_send(&socket, head, NULL, 0, pass))
			return;
	}
}

int dial_ask(int fd, const struct rules *rules, const struct rule *rule, unsigned *status,
	     const char **why)
{
	static char bytes[MESSAGE_BYTES];
	struct message_socket socket = {.fd = fd};
	struct message_head head = {.id = (uint32_t)(rule - rules->list)};
	struct pollfd wait = {fd, POLLIN, 0};
	enum dial_result result = DIAL_LOST;
	int pass = -1;

	if (message_send(&socket, head, NULL, 0, -1) && poll(&wait, 1, DIAL_ASK_MS) == 1 &&
	    message_receive(&socket, &head, bytes, &pass) >= 0 &&
	    head.value < ARRAY_COUNT(dial_problems))
		result = (enum dial_result)head.value;
	if ((result == DIAL_DONE) != (pass >= 0)) {
		if (pass >= 0)
			close(pass);
		pass = -1;
		result = DIAL_LOST;
	}
	*status = dial_problems[result].status;
	*why = dial_problems[result].why;
	return pass;
}
