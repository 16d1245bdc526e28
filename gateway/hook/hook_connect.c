/* SPDX-License-Identifier: MIT */
/*
 * Finds a receiver's addresses, and connects to one that is allowed: to exactly the address that
 * was checked, as a name may stand for another one a moment later. The sender of deliveries calls
 * it, in a thread of its own.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/hook/hook.h"

enum { CONNECT_ADDRESSES = 4 }; /* the most of a name's addresses that are tried */

bool hook_wait(int fd, short events, int64_t until_ms)
{
	struct pollfd wait = {fd, events, 0};
	int got;

	do {
		int64_t left_ms = until_ms - clock_ms();

		got = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
	} while (got < 0 && errno == EINTR);
	return got > 0;
}

static bool connect_within(const struct address_range *ranges, unsigned count,
			   const uint8_t *address)
{
	for (unsigned i = 0; i < count; i++) {
		if (address_within(&ranges[i], address))
			return true;
	}
	return false;
}

/* Returns whether the receiver may be at the address. */
static bool connect_allowed(const struct hook_delivery *delivery, const struct hook_url *url,
			    const struct sockaddr *at)
{
	uint8_t address[ADDRESS_BYTES];

	if (!address_of(at, address))
		return false;
	if (connect_within(delivery->allowed, delivery->allowed_count, address))
		return true;
	return url->https && address_global(address) &&
	       !connect_within(delivery->own, delivery->own_count, address);
}

static int connect_one(const struct addrinfo *at, int64_t until_ms)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	socklen_t size = sizeof(int);
	int error = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS && hook_wait(fd, POLLOUT, until_ms) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && !error)
		return fd;
	close(fd);
	return -1;
}

/* Tries the allowed addresses in turn; `*tried` counts them. */
static int connect_any(const struct hook_delivery *delivery, const struct hook_url *url,
		       const struct addrinfo *found, int64_t until_ms, unsigned *tried)
{
	for (; found; found = found->ai_next) {
		int64_t left_ms = until_ms - clock_ms();
		int fd;

		if (!connect_allowed(delivery, url, found->ai_addr))
			continue;
		if (++*tried > CONNECT_ADDRESSES)
			return -1;
		/* Each address gets half of the time left, so that the next one has time, too. */
		fd = connect_one(found, until_ms - left_ms / 2);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

int hook_connect(const struct hook_delivery *delivery, const struct hook_url *url,
		 int64_t *until_ms, struct delivery_result *result)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | (url->literal ? AI_NUMERICHOST : 0),
	};
	struct addrinfo *found = NULL;
	int error = getaddrinfo(url->host, url->port, &hints, &found), fd;
	unsigned tried = 0;

	result->status = DELIVERY_FAILED;
	if (error) {
		snprintf(result->text, sizeof(result->text), "its name has no address: %s",
			 gai_strerror(error));
		return -1;
	}
	*until_ms = clock_ms() + HOOK_LIMIT_MS;
	fd = connect_any(delivery, url, found, *until_ms, &tried);
	freeaddrinfo(found);
	if (fd >= 0)
		return fd;
	if (!tried)
		result->status = DELIVERY_REFUSED;
	snprintf(result->text, sizeof(result->text), "%s",
		 tried	      ? "nobody takes connections there"
		 : url->https ? "its address is private or this host's own, and not of --hook-allow"
			      : "http goes to addresses of --hook-allow only");
	return -1;
}
