/* SPDX-License-Identifier: MIT */
/*
 * Carries bytes between clients and guests, of which neither is to be believed: what one side sends
 * waits in a piece of fixed size until the other has taken it. The main loop of the process publish
 * calls it; it makes sockets to guests, and closes those of both.
 */
#include "gateway/publish/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/publish/publish.h"

enum { RELAY_CLIENT, RELAY_GUEST, RELAY_SIDES };

/* What comes from one side and was not taken by the other yet. */
struct relay_way {
	bool ended; /* the side has said that no more comes */
	bool shut;  /* and the other one has been told */
	size_t at, count;
	uint8_t bytes[PUBLISH_PIECE];
};

static struct relay {
	bool used;
	bool dialling; /* the guest has not taken the connection yet */
	struct relay_to to;
	int fds[RELAY_SIDES];
	int64_t moved_ms;		    /* when a byte came last, or the connection was begun */
	struct relay_way ways[RELAY_SIDES]; /* by the side from which the bytes come */
} relays[PUBLISH_CONNECTIONS];

/* Closes a socket so that its other end sees a reset: what was said is not all. */
static void relay_reset(int fd)
{
	static const struct linger now = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void relay_end(struct relay *relay, bool whole)
{
	for (int side = 0; side < RELAY_SIDES; side++) {
		if (whole)
			close(relay->fds[side]);
		else
			relay_reset(relay->fds[side]);
	}
	/* The bytes of one owner's connection are not left for the next one. */
	explicit_bzero(relay, sizeof(*relay));
}

static size_t relay_count(uint64_t owner)
{
	size_t count = 0;

	for (size_t i = 0; i < PUBLISH_CONNECTIONS; i++)
		count += relays[i].used && relays[i].to.owner == owner;
	return count;
}

/* Returns the connection that gives its place to one of `owner`, who has `has`, or NULL. */
static struct relay *relay_gives_up(size_t has)
{
	struct relay *idle = NULL;
	size_t most = has + 1;

	for (size_t i = 0; i < PUBLISH_CONNECTIONS; i++) {
		size_t count = relay_count(relays[i].to.owner);

		if (count > most ||
		    (idle && count == most && relays[i].moved_ms < idle->moved_ms)) {
			most = count;
			idle = &relays[i];
		}
	}
	return idle;
}

/* Returns a place for a connection of `owner`, or NULL. */
static struct relay *relay_place(uint64_t owner)
{
	size_t has = relay_count(owner);
	struct relay *place;

	if (has >= PUBLISH_OF_OWNER)
		return NULL;
	for (size_t i = 0; i < PUBLISH_CONNECTIONS; i++) {
		if (!relays[i].used)
			return &relays[i];
	}
	place = relay_gives_up(has);
	if (place)
		relay_end(place, false);
	return place;
}

/*
 * Returns whether a connection leads from an address to itself: no guest is there, but this
 * computer, whose own services a run must not publish.
 */
static bool relay_is_own(int fd, uint32_t address)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);

	return getsockname(fd, (struct sockaddr *)&from, &size) < 0 ||
	       from.sin_addr.s_addr == htonl(address);
}

/* Begins a connection to the guest. Returns its socket, or -1. */
static int relay_dial(const struct relay_to *to)
{
	struct sockaddr_in guest = {.sin_family = AF_INET,
				    .sin_port = htons(to->port),
				    .sin_addr = {htonl(to->address)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if ((connect(fd, (const struct sockaddr *)&guest, sizeof(guest)) == 0 ||
	     errno == EINPROGRESS) &&
	    !relay_is_own(fd, to->address))
		return fd;
	close(fd);
	return -1;
}

void relay_begin(int client, const struct relay_to *to, int64_t now_ms)
{
	struct relay *relay = relay_place(to->owner);
	int guest = relay ? relay_dial(to) : -1, yes = 1;

	if (guest < 0) {
		relay_reset(client);
		return;
	}
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	relay->used = relay->dialling = true;
	relay->to = *to;
	relay->fds[RELAY_CLIENT] = client;
	relay->fds[RELAY_GUEST] = guest;
	relay->moved_ms = now_ms;
}

void relay_end_order(uint32_t order)
{
	for (size_t i = 0; i < PUBLISH_CONNECTIONS; i++) {
		if (relays[i].used && relays[i].to.order == order)
			relay_end(&relays[i], false);
	}
}

size_t relay_wait(struct pollfd *waits)
{
	for (size_t i = 0; i < PUBLISH_CONNECTIONS; i++) {
		const struct relay *relay = &relays[i];

		for (int side = 0; side < RELAY_SIDES; side++) {
			const struct relay_way *from = &relay->ways[side],
					       *to = &relay->ways[!side];
			bool reads = !relay->dialling && !from->ended && from->count == 0;
			bool writes = relay->dialling ? side == RELAY_GUEST : to->count > 0;
			short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));

			/* A side of which nothing is wanted now is not asked for its errors either.
			 */
			*waits++ = (struct pollfd){relay->used && events ? relay->fds[side] : -1,
						   events, 0};
		}
	}
	return (size_t)PUBLISH_CONNECTIONS * RELAY_SIDES;
}

/* Reads a piece from a side. Returns false when the connection has to be reset. */
static bool relay_read(struct relay *relay, int side, int64_t now_ms)
{
	struct relay_way *way = &relay->ways[side];
	ssize_t count;

	if (way->ended || way->count)
		return true;
	count = recv(relay->fds[side], way->bytes, sizeof(way->bytes), MSG_DONTWAIT);
	if (count < 0)
		return errno == EAGAIN || errno == EINTR;
	way->ended = count == 0;
	way->at = 0;
	way->count = (size_t)count;
	relay->moved_ms = now_ms;
	return true;
}

/* Sends the other side what has come from `side`, and then that no more comes. */
static bool relay_write(struct relay *relay, int side, int64_t now_ms)
{
	struct relay_way *way = &relay->ways[side];
	ssize_t count = 0;

	if (way->count)
		count = send(relay->fds[!side], way->bytes + way->at, way->count,
			     MSG_DONTWAIT | MSG_NOSIGNAL);
	if (count < 0)
		return errno == EAGAIN || errno == EINTR;
	if (count > 0)
		relay->moved_ms = now_ms;
	way->at += (size_t)count;
	way->count -= (size_t)count;
	if (way->ended && way->count == 0 && !way->shut) {
		way->shut = true;
		(void)shutdown(relay->fds[!side], SHUT_WR);
	}
	return true;
}

/* Looks whether the guest has taken the connection. Returns false when it will not. */
static bool relay_dialled(struct relay *relay, short events, int64_t now_ms)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (!events)
		return now_ms - relay->moved_ms < PUBLISH_DIAL_MS;
	if (getsockopt(relay->fds[RELAY_GUEST], SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		return false;
	relay->dialling = false;
	relay->moved_ms = now_ms;
	return true;
}

/* Moves one connection on. Returns false when it has to be reset. */
static bool relay_turn(struct relay *relay, const struct pollfd *waits, int64_t now_ms)
{
	if (relay->dialling)
		return relay_dialled(relay, waits[RELAY_GUEST].revents, now_ms);
	for (int side = 0; side < RELAY_SIDES; side++) {
		if (waits[side].revents & (POLLIN | POLLHUP | POLLERR) &&
		    !relay_read(relay, side, now_ms))
			return false;
	}
	return relay_write(relay, RELAY_CLIENT, now_ms) && relay_write(relay, RELAY_GUEST, now_ms);
}

void relay_ready(const struct pollfd *waits, int64_t now_ms, int64_t idle_ms)
{
	for (size_t i = 0; i < PUBLISH_CONNECTIONS; i++, waits += RELAY_SIDES) {
		struct relay *relay = &relays[i];

		if (!relay->used)
			continue;
		if (!relay_turn(relay, waits, now_ms) || now_ms - relay->moved_ms >= idle_ms)
			relay_end(relay, false);
		else if (relay->ways[RELAY_CLIENT].shut && relay->ways[RELAY_GUEST].shut)
			relay_end(relay, true);
	}
}
