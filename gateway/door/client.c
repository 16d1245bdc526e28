/* SPDX-License-Identifier: MIT */
/*
 * The connections of libvirt's clients: bytes become packets, packets calls, and answers bytes. The
 * main loop of door calls it; it reads and writes the sockets.
 */
#include "gateway/door/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/door/rpc.h"
#include "gateway/door/terminal.h"
#include "gateway/door/door.h"
#include "gateway/door/error.h"
#include "gateway/door/packet.h"

enum {
	CLIENT_READ = 16384,
	KEEPALIVE_PING = 1,
	KEEPALIVE_PONG = 2,
	CLIENT_OPEN_MS = 10000, /* the time in which a client must call ConnectOpen */
};

static struct client clients[CLIENTS];

void client_add(uint32_t number, int fd)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		if (clients[i].number)
			continue;
		clients[i] = (struct client){.number = number, .fd = fd};
		return;
	}
	close(fd);
	door_tell((struct message_head){MESSAGE_LEFT, number, 0, 0}, NULL);
}

static void client_close(struct client *client)
{
	rpc_drop(client);
	listener_end(client);
	terminal_drop(client);
	close(client->fd);
	door_tell((struct message_head){MESSAGE_LEFT, client->number, 0, 0}, NULL);
	packet_free(&client->reader);
	buffer_free(&client->output);
	client->number = 0;
}

void client_send(struct client *client, const struct packet_head *head,
		 const struct buffer *contents)
{
	packet_write(&client->output, head, contents);
}

void client_message(const struct message_head *head, const char *bytes, size_t count)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		if (clients[i].number && listener_message(&clients[i], head, bytes, count))
			return;
	}
}

/* Answers a client's keepalive ping with a pong. */
static void client_keepalive(struct client *client, const struct packet_head *head)
{
	struct packet_head pong = *head;

	pong.procedure = KEEPALIVE_PONG;
	if (head->version == PACKET_VERSION && head->procedure == KEEPALIVE_PING)
		client_send(client, &pong, NULL);
}

static void client_packet(struct client *client, const struct packet_head *head,
			  struct xdr_reader *contents)
{
	if (head->program == PACKET_KEEPALIVE && head->type == PACKET_EVENT)
		client_keepalive(client, head);
	else if (head->type == PACKET_CALL && contents)
		rpc_begin(client, head, contents);
	else if (head->type == PACKET_CALL)
		rpc_refuse(client, head, ERROR_RPC, "the call is too long for this server");
	else if (head->type == PACKET_STREAM && contents)
		terminal_packet(client, head, contents);
	else
		client->closing = true; /* a client may send no other packets: end its connection */
}

static bool client_may_call(const struct client *client)
{
	return !client->closing && client->calls < CLIENT_CALLS &&
	       client->output.count < CLIENT_OUTPUT;
}

/* Handles the packets that have come from a client, as long as it may have more calls under way. */
static void client_packets(struct client *client)
{
	struct packet_head head;
	struct xdr_reader contents;

	while (client_may_call(client)) {
		switch (packet_take(&client->reader, &head, &contents)) {
		case PACKET_NONE:
			return;
		case PACKET_BROKEN:
			client->closing = true;
			return;
		case PACKET_TOO_LONG:
			client_packet(client, &head, NULL);
			break;
		case PACKET_WHOLE:
			client_packet(client, &head, &contents);
			break;
		}
	}
}

/* Reads a client's bytes. Returns false when the client is gone. */
static bool client_read(struct client *client)
{
	char bytes[CLIENT_READ];
	ssize_t count = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	if (count > 0)
		packet_add(&client->reader, bytes, (size_t)count);
	return true;
}

/*
 * Sends a client its waiting output. Returns false when the client is gone, or its connection is to
 * be closed and all output is sent.
 */
static bool client_write(struct client *client)
{
	struct buffer *output = &client->output;

	while (output->count) {
		ssize_t sent =
			send(client->fd, output->bytes, output->count, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (sent <= 0)
			return false;
		buffer_take(output, (size_t)sent);
	}
	return !client->closing && !output->failed;
}

void client_wants(struct pollfd *waits)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		const struct client *client = &clients[i];
		bool reads = client_may_call(client) && client->reader.input.count <= PACKET_BYTES;

		waits[i] = (struct pollfd){.fd = client->number ? client->fd : -1};
		waits[i].events =
			(short)((reads ? POLLIN : 0) | (client->output.count ? POLLOUT : 0));
	}
}

void client_turn(const struct pollfd *waits)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &clients[i];
		bool there = true;

		if (!client->number)
			continue;
		if (waits[i].fd == client->fd && waits[i].revents & (POLLIN | POLLHUP | POLLERR))
			there = client_read(client);
		if (there)
			client_packets(client);
		listener_consumed(client);
		terminal_consumed(client);
		if (!there || !client_write(client))
			client_close(client);
	}
}

int client_tick(int64_t now_ms, int wait_ms)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &clients[i];

		if (!client->number || client->opened) {
			client->unopened_ms = 0;
			continue;
		}
		if (!client->unopened_ms)
			client->unopened_ms = now_ms;
		if (now_ms - client->unopened_ms >= CLIENT_OPEN_MS)
			client_close(client);
		else if (client->unopened_ms + CLIENT_OPEN_MS - now_ms < wait_ms)
			wait_ms = (int)(client->unopened_ms + CLIENT_OPEN_MS - now_ms);
	}
	return wait_ms;
}
