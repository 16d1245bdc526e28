/* SPDX-License-Identifier: MIT */
/*
 * WebSockets: passes a client's messages on to core, and core's messages to the client as frames.
 * The exchange hands a connection over once core has agreed; this file reads and writes the
 * connection's descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/web/tunnel.h"
#include "gateway/web/web.h"

/*
 * Closes a WebSocket whose descriptor MHD has handed over, and tells core unless core has ended it.
 */
static void socket_close(struct exchange *exchange)
{
	struct MHD_UpgradeResponseHandle *upgraded = exchange->upgraded;

	if (!exchange->ended)
		exchange_tell(exchange, MESSAGE_CANCEL, 0);
	exchange_free(exchange);
	MHD_upgrade_action(upgraded, MHD_UPGRADE_ACTION_CLOSE);
}

static void socket_message(struct exchange *exchange, const struct ws_message *message)
{
	uint32_t flags = message->opcode == WS_TEXT ? MESSAGE_TEXT : 0;

	switch (message->opcode) {
	case WS_PING:
		ws_write(&exchange->output, WS_PONG, message->bytes, message->count);
		break;
	case WS_CLOSE:
		if (!exchange->closing)
			ws_write(&exchange->output, WS_CLOSE, message->bytes, message->count);
		exchange->closing = true;
		break;
	case WS_TEXT:
	case WS_BINARY:
		if (exchange->ended)
			break;
		exchange->unacknowledged += message->count;
		message_send(&web.core, (struct message_head){MESSAGE_DATA, exchange->id, 0, flags},
			     message->bytes, message->count, -1);
		break;
	default:
		break;
	}
}

static void socket_parse(struct exchange *exchange)
{
	static struct ws_message message;
	int found = 0;

	while (!exchange->closing && (found = ws_read(&exchange->reader, &message)) == 1)
		socket_message(exchange, &message);
	if (found > 1) {
		ws_write_close(&exchange->output, (unsigned)found);
		exchange->closing = true;
	}
}

/* Sends the client the bytes in `output`. Returns false when the WebSocket was closed. */
static bool socket_flush(struct exchange *exchange)
{
	struct buffer *output = &exchange->output;

	while (output->count) {
		ssize_t sent = send(exchange->fd, output->bytes, output->count,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (sent <= 0) {
			socket_close(exchange);
			return false;
		}
		buffer_take(output, (size_t)sent);
	}
	if (exchange->unreported && !exchange->ended)
		exchange_tell(exchange, MESSAGE_CONSUMED, (uint32_t)exchange->unreported);
	exchange->unreported = 0;
	if (exchange->closing || exchange->output.failed) {
		socket_close(exchange);
		return false;
	}
	return true;
}

static void socket_handed(void *unused, struct MHD_Connection *connection, void *context,
			  const char *extra, size_t extra_count, MHD_socket fd,
			  struct MHD_UpgradeResponseHandle *upgraded)
{
	struct exchange *exchange = exchange_find((uint32_t)(uintptr_t)context);

	(void)unused;
	(void)connection;
	if (!exchange) {
		MHD_upgrade_action(upgraded, MHD_UPGRADE_ACTION_CLOSE);
		return;
	}
	exchange->upgraded = upgraded;
	tunnel_open(fd);
	web.socket_count++;
	exchange->fd = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	buffer_add(&exchange->reader.input, extra, extra_count);
	socket_parse(exchange);
}

enum MHD_Result socket_queue(struct exchange *exchange)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(socket_handed, NULL);
	const char *key = MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND,
						      "Sec-WebSocket-Key");
	static struct fields fields;
	enum MHD_Result result;
	char accept[29];

	if (!response)
		return MHD_NO;
	if (!key || !ws_accept(key, accept)) {
		MHD_destroy_response(response);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Upgrade", "websocket");
	MHD_add_response_header(response, "Sec-WebSocket-Accept", accept);
	if (fields_read(&fields, exchange->headers.bytes, exchange->headers.count)) {
		for (size_t i = 0; i < fields.count; i++)
			MHD_add_response_header(response, fields.list[i].name,
						fields.list[i].value);
	}
	result = MHD_queue_response(exchange->connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
	MHD_destroy_response(response);
	return result;
}

void socket_send(struct exchange *exchange, uint32_t flags, const char *bytes, size_t count)
{
	if (exchange->closing)
		return;
	ws_write(&exchange->output, flags & MESSAGE_TEXT ? WS_TEXT : WS_BINARY, bytes, count);
	exchange->unreported += count;
	if (exchange->upgraded)
		socket_flush(exchange);
}

void socket_end(struct exchange *exchange, unsigned code)
{
	if (!exchange->closing)
		ws_write_close(&exchange->output, code);
	exchange->closing = true;
	if (exchange->upgraded)
		socket_flush(exchange);
}

short socket_wants(const struct exchange *exchange)
{
	short events = 0;

	if (exchange->output.count)
		events |= POLLOUT;
	if (!exchange->closing && exchange->unacknowledged < WEB_UNACKNOWLEDGED)
		events |= POLLIN;
	return events;
}

void socket_ready(struct exchange *exchange, short events)
{
	char bytes[16384];
	ssize_t count;

	if (events & (POLLIN | POLLHUP | POLLERR)) {
		count = recv(exchange->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
			socket_close(exchange);
			return;
		}
		if (count > 0)
			buffer_add(&exchange->reader.input, bytes, (size_t)count);
		socket_parse(exchange);
	}
	socket_flush(exchange);
}
