/* SPDX-License-Identifier: MIT */
/*
 * The main function of the process that reads bytes from the network. It has no authority: it hands
 * requests with their credentials to core, and sends core's answers to the clients. Core starts it.
 */
#include "gateway/web/web.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/beside.h"
#include "gateway/web/tunnel.h"

struct web web;

enum { WEB_TIMEOUT_S = 60, WEB_CONNECTIONS = TUNNELS + 64, WEB_MESSAGES = 256 };

/*
 * Adds Strict-Transport-Security (RFC 6797), unless the gateway issued its certificate itself:
 * after a change of such a certificate, browsers would let no user past the warning.
 */
void web_strict(struct MHD_Response *response)
{
	if (web.issued)
		MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
}

void web_guard_headers(struct MHD_Response *response)
{
	web_strict(response);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
}

/* Leaves paths and queries as they are: request.c decodes them, and refuses ambiguous ones. */
static size_t web_unescape(void *unused, struct MHD_Connection *connection, char *text)
{
	(void)unused;
	(void)connection;
	return strlen(text);
}

static void web_connection(void *unused, struct MHD_Connection *connection, void **context,
			   enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	(void)unused;
	(void)context;
	if (code != MHD_CONNECTION_NOTIFY_CLOSED || !info ||
	    (size_t)info->connect_fd >= web.connection_room || !web.connections[info->connect_fd])
		return;
	message_send(&web.core,
		     (struct message_head){MESSAGE_LEFT, web.connections[info->connect_fd], 0, 0},
		     NULL, 0, -1);
	web.connections[info->connect_fd] = 0;
}

/* Drops MHD's messages: errors of a single client do not belong in the log. */
static void web_quiet(void *unused, const char *format, va_list list)
{
	(void)unused;
	(void)format;
	(void)list;
}

static struct MHD_Daemon *web_daemon(void)
{
	return MHD_start_daemon(
		MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG,
		0, NULL, NULL, exchange_handle, NULL, MHD_OPTION_EXTERNAL_LOGGER, web_quiet, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, exchange_done, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		web_connection, NULL, MHD_OPTION_UNESCAPE_CALLBACK, web_unescape, NULL,
		MHD_OPTION_CONNECTION_LIMIT, WEB_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		WEB_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)WEB_HEADER_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

/* Starts the server once core's first message has brought the certificate and the key. */
static bool web_start(int listener, unsigned per_address)
{
	static char bytes[MESSAGE_BYTES];
	static struct fields setup;
	struct pollfd wait = {.fd = web.core.fd, .events = POLLIN};
	const char *certificate, *key;
	struct message_head head;
	long count;

	if (poll(&wait, 1, 10000) != 1)
		return false;
	count = message_receive(&web.core, &head, bytes, NULL);
	if (count < 0 || head.kind != MESSAGE_SETUP || !fields_read(&setup, bytes, (size_t)count))
		return false;
	certificate = fields_get(&setup, "certificate");
	key = fields_get(&setup, "key");
	web.issued = fields_get(&setup, "issued");
	if (listener >= 0 &&
	    (!certificate || !key || !tunnel_start(listener, certificate, key, per_address)))
		return false;
	explicit_bzero(bytes, sizeof(bytes));
	web.daemon = web_daemon();
	return web.daemon;
}

bool web_tls_connection(int fd, const struct sockaddr *address, socklen_t size)
{
	if ((size_t)fd >= web.connection_room) {
		close(fd);
		return false;
	}
	return MHD_add_connection(web.daemon, fd, address, size) == MHD_YES;
}

static void web_local_connection(uint32_t number, int fd)
{
	struct sockaddr address = {.sa_family = AF_UNIX};

	if ((size_t)fd >= web.connection_room) {
		close(fd);
		return;
	}
	web.connections[fd] = number;
	/*
	 * MHD closes a connection that it refuses: core is told here that the connection is closed,
	 * unless web_connection() has told it.
	 */
	if (MHD_add_connection(web.daemon, fd, &address, sizeof(address)) != MHD_YES &&
	    web.connections[fd]) {
		message_send(&web.core, (struct message_head){MESSAGE_LEFT, number, 0, 0}, NULL, 0,
			     -1);
		web.connections[fd] = 0;
	}
}

static void web_message(const struct message_head *head, const char *bytes, size_t count, int pass)
{
	struct exchange *exchange;

	if (head->kind == MESSAGE_CONNECTION && pass >= 0) {
		web_local_connection(head->id, pass);
		return;
	}
	if (pass >= 0)
		close(pass);
	exchange = exchange_find(head->id);
	if (!exchange)
		return;
	switch (head->kind) {
	case MESSAGE_ANSWER:
		exchange_answer(exchange, head, bytes, count);
		break;
	case MESSAGE_BODY:
		exchange_body(exchange, head, bytes, count);
		break;
	case MESSAGE_END:
		exchange_end(exchange, head->value);
		break;
	case MESSAGE_TAKEN:
		exchange_taken(exchange, head->value);
		break;
	default:
		break;
	}
}

/* Handles core's messages. Returns false when core is gone. */
static bool web_read_core(void)
{
	static char bytes[MESSAGE_BYTES];

	for (unsigned i = 0; i < WEB_MESSAGES; i++) {
		struct message_head head;
		int pass;
		long count = message_receive(&web.core, &head, bytes, &pass);

		if (count < 0)
			return count == -1;
		web_message(&head, bytes, (size_t)count, pass);
		explicit_bzero(bytes, (size_t)count);
	}
	return true;
}

static int web_daemon_fd(void)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(web.daemon, MHD_DAEMON_INFO_EPOLL_FD);

	return info ? info->epoll_fd : -1;
}

static int web_wait_ms(void)
{
	MHD_UNSIGNED_LONG_LONG left;

	return MHD_get_timeout(web.daemon, &left) == MHD_YES && left < 60000 ? (int)left : 60000;
}

/* Fills in the poll entries of the WebSockets; `ids` gets the id of each entry's exchange. */
static size_t web_sockets(struct pollfd *waits, uint32_t *ids)
{
	size_t count = 0;

	for (size_t i = 0; i < WEB_EXCHANGES && count < web.socket_count; i++) {
		struct exchange *exchange = &web.exchanges[i];

		if (!exchange->id || !exchange->upgraded)
			continue;
		waits[count] = (struct pollfd){exchange->fd, socket_wants(exchange), 0};
		ids[count++] = exchange->id;
	}
	return count;
}

/*
 * Does one turn of the main loop: waits, then handles all sockets that are ready. Returns false
 * when core is gone.
 */
static bool web_turn(void)
{
	static struct pollfd waits[2 + WEB_EXCHANGES + TUNNEL_POLLS];
	static uint32_t ids[WEB_EXCHANGES];
	size_t sockets = web_sockets(waits + 2, ids);
	struct pollfd *tunnels = waits + 2 + sockets;
	int wait_ms = web_wait_ms();
	size_t count = 2 + sockets + tunnel_wants(tunnels, &wait_ms);

	waits[0] =
		(struct pollfd){web.core.fd, (short)(POLLIN | (web.core.first ? POLLOUT : 0)), 0};
	waits[1] = (struct pollfd){web_daemon_fd(), POLLIN, 0};
	if (poll(waits, count, wait_ms) < 0 && errno != EINTR)
		return false;
	if (!message_flush(&web.core) || !web_read_core())
		return false;
	for (size_t i = 0; i < sockets; i++) {
		struct exchange *exchange = exchange_find(ids[i]);

		if (exchange && waits[2 + i].revents)
			socket_ready(exchange, waits[2 + i].revents);
	}
	tunnel_turn(tunnels);
	MHD_run(web.daemon);
	return true;
}

int web_main(int core, int listener, const char *ui, unsigned per_address)
{
	beside_begin("skerryd-web");
	web.core.fd = core;
	web.connection_room = 4096;
	web.connections = calloc(web.connection_room, sizeof(*web.connections));
	if (!web.connections)
		return 1;
	if (*ui && !static_load(ui))
		fprintf(stderr, "skerryd: %s: not all of the UI's files could be read\n", ui);
	if (!web_start(listener, per_address)) {
		fprintf(stderr, "skerryd: the HTTP server could not be started\n");
		return 1;
	}
	if (!web_seccomp()) {
		fprintf(stderr, "skerryd: the system call filter of web could not be set\n");
		return 1;
	}
	while (web_turn())
		;
	return 0;
}
