/* SPDX-License-Identifier: MIT */
/*
 * The main function of the process that publishes ports of runs, and the table of these ports. It
 * has no authority, no tokens and no files: core tells it which port leads to which guest, and it
 * dials into the networks of its command line alone. Core starts it.
 */
#include "gateway/publish/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/beside.h"
#include "gateway/base/clock.h"
#include "gateway/base/message.h"
#include "gateway/publish/relay.h"

enum {
	PUBLISH_LISTENERS = PUBLISH_ORDERS * PUBLISH_PORTS,
	PUBLISH_WAITS = 1 + PUBLISH_LISTENERS + 2 * PUBLISH_CONNECTIONS,
	PUBLISH_ACCEPTS = 16, /* of one port in one turn */
	PUBLISH_TURN_MS = 250,
};

static struct {
	struct message_socket core;
	struct publish_settings settings;
	size_t count; /* of the listeners that are used */
	struct publish_listener {
		int fd; /* 0: the place is free */
		struct relay_to to;
	} list[PUBLISH_LISTENERS];
} publish;

/* Returns whether the process may dial to the address. */
static bool publish_may_dial(uint32_t address)
{
	const struct sockaddr_in guest = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
	uint8_t bytes[ADDRESS_BYTES];

	if (!address_of((const void *)&guest, bytes))
		return false;
	for (size_t i = 0; i < publish.settings.net_count; i++) {
		if (address_within(&publish.settings.nets[i], bytes))
			return true;
	}
	return false;
}

/* Listens at a port. Returns its socket, and the port if `*port` was 0; or -1, with errno. */
static int publish_listen(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(*port),
				 .sin_addr = {htonl(publish.settings.address)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1, error;
	socklen_t size = sizeof(at);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 64) == 0 &&
	    getsockname(fd, (struct sockaddr *)&at, &size) == 0) {
		*port = ntohs(at.sin_port);
		return fd;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void publish_close(uint32_t order)
{
	for (size_t i = 0; i < PUBLISH_LISTENERS; i++) {
		struct publish_listener *listener = &publish.list[i];

		if (!listener->fd || listener->to.order != order)
			continue;
		close(listener->fd);
		*listener = (struct publish_listener){0};
		publish.count--;
	}
	relay_end_order(order);
}

/* Opens one port of a run. Returns 0, or an error of errno. */
static int publish_open_one(uint32_t id, const struct publish_order *order, uint32_t which,
			    uint16_t *host)
{
	size_t place = 0;
	int fd;

	while (place < PUBLISH_LISTENERS && publish.list[place].fd)
		place++;
	if (place == PUBLISH_LISTENERS)
		return ENFILE;
	*host = order->ports[which].host;
	if ((*host && *host < 1024) || !order->ports[which].guest ||
	    !publish_may_dial(order->address))
		return EACCES;
	fd = publish_listen(host);
	if (fd < 0)
		return errno;
	publish.list[place] = (struct publish_listener){
		fd, {id, order->owner, order->address, order->ports[which].guest}};
	publish.count++;
	return 0;
}

/* Opens the ports of a run, and tells core how that went. */
static void publish_open(uint32_t id, const struct publish_order *order)
{
	struct publish_answer answer = {0};

	for (uint32_t i = 0; i < order->count && !answer.error; i++) {
		answer.error = (uint32_t)publish_open_one(id, order, i, &answer.hosts[i]);
		answer.at = i;
	}
	if (answer.error)
		publish_close(id);
	message_send(&publish.core, (struct message_head){MESSAGE_ANSWER, id, 0, 0}, &answer,
		     sizeof(answer), -1);
}

/* Handles core's messages. Returns false when core is gone, or says what it never does. */
static bool publish_take(void)
{
	static char bytes[MESSAGE_BYTES];
	struct publish_order order;
	struct message_head head;
	long count;

	while ((count = message_receive(&publish.core, &head, bytes, NULL)) >= 0) {
		if (head.kind == MESSAGE_CANCEL) {
			publish_close(head.id);
			message_send(&publish.core,
				     (struct message_head){MESSAGE_END, head.id, 0, 0}, NULL, 0,
				     -1);
			continue;
		}
		if (head.kind != MESSAGE_REQUEST || count != sizeof(order))
			return false;
		memcpy(&order, bytes, sizeof(order));
		if (order.count == 0 || order.count > PUBLISH_PORTS)
			return false;
		publish_open(head.id, &order);
	}
	return count == -1;
}

static void publish_accept(const struct publish_listener *listener, int64_t now_ms)
{
	for (int i = 0; i < PUBLISH_ACCEPTS; i++) {
		int client = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0)
			return;
		relay_begin(client, &listener->to, now_ms);
	}
}

/* Waits for something, and handles it. Returns false when the process is to end. */
static bool publish_turn(void)
{
	static struct pollfd waits[PUBLISH_WAITS];
	static int64_t used_ms;
	int64_t now_ms;

	waits[0] = (struct pollfd){publish.core.fd,
				   (short)(POLLIN | (publish.core.first ? POLLOUT : 0)), 0};
	for (size_t i = 0; i < PUBLISH_LISTENERS; i++)
		waits[1 + i] =
			(struct pollfd){publish.list[i].fd ? publish.list[i].fd : -1, POLLIN, 0};
	(void)relay_wait(waits + 1 + PUBLISH_LISTENERS);
	if (poll(waits, PUBLISH_WAITS, PUBLISH_TURN_MS) < 0)
		return errno == EINTR;
	now_ms = clock_ms();
	/* Core comes first: what it has closed takes no more clients. */
	if (!message_flush(&publish.core) || (waits[0].revents && !publish_take()))
		return false;
	relay_ready(waits + 1 + PUBLISH_LISTENERS, now_ms, publish.settings.idle_ms);
	for (size_t i = 0; i < PUBLISH_LISTENERS; i++) {
		if (publish.list[i].fd && waits[1 + i].revents)
			publish_accept(&publish.list[i], now_ms);
	}
	if (publish.count || !used_ms)
		used_ms = now_ms;
	return now_ms - used_ms < PUBLISH_ALONE_MS;
}

/* Reads the words of the command line, which core has checked. */
static bool publish_read(char **words)
{
	struct publish_settings *settings = &publish.settings;
	struct in_addr address;

	if (!words[0] || !words[1] || inet_pton(AF_INET, words[0], &address) != 1)
		return false;
	settings->address = ntohl(address.s_addr);
	settings->idle_ms = (int64_t)atoi(words[1]) * 1000;
	for (words += 2; *words; words++) {
		if (settings->net_count == PUBLISH_NETS ||
		    !address_read_range(*words, &settings->nets[settings->net_count++]))
			return false;
	}
	return settings->idle_ms > 0;
}

int publish_main(int core, char **words)
{
	if (core != PUBLISH_CORE && dup2(core, PUBLISH_CORE) < 0)
		return 1;
	if (core != PUBLISH_CORE)
		close(core);
	publish.core.fd = PUBLISH_CORE;
	beside_begin("skerryd-publish");
	if (!publish_read(words))
		return 1;
	if (!publish_seccomp()) {
		fprintf(stderr, "skerryd: the system call filter of publish could not be set\n");
		return 1;
	}
	while (publish_turn())
		;
	return 0;
}
