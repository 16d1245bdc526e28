/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>

#include "gateway/base/buffer.h"
#include "gateway/base/message.h"
#include "gateway/door/listener.h"
#include "gateway/door/packet.h"

enum {
	/* the most clients at a time, as many connections as core accepts */
	CLIENTS = 64,
	CLIENT_CALLS = 5, /* the most calls that one client may have under way */
	/*
	 * the most bytes that may wait for a client; while there are more, nothing is read from it
	 */
	CLIENT_OUTPUT = 1 << 20,
};

/* A program that speaks libvirt's RPC with door. */
struct client {
	uint32_t number; /* core's number of the client's connection; 0: the entry is free */
	int fd;
	struct packet_reader reader;
	struct buffer output;
	struct listener listener;
	unsigned calls;
	bool opened; /* the client has called ConnectOpen, and may call other procedures */
	/* when the client connected, in ms, until it calls ConnectOpen; 0 from then on */
	int64_t unopened_ms;
	/* the client has asked, in ConnectOpen, for a connection that only reads */
	bool only_reads;
	bool closing; /* the connection is closed once `output` is sent */
};

/* Adds a client: the connection `fd`, to which core gave `number`. */
void client_add(uint32_t number, int fd);
/*
 * Fills in the CLIENTS poll entries of the clients' sockets; those without a client are to be
 * ignored.
 */
void client_wants(struct pollfd *waits);
void client_turn(const struct pollfd *waits);
/*
 * Closes connections that have not called ConnectOpen for too long, since a client without rights
 * must not occupy a place. Returns the ms until the next connection's time is over, at most
 * `wait_ms`.
 */
int client_tick(int64_t now_ms, int wait_ms);
/* Handles core's message about a client's stream of events. */
void client_message(const struct message_head *head, const char *bytes, size_t count);
/* Sends a packet to a client. */
void client_send(struct client *client, const struct packet_head *head,
		 const struct buffer *contents);
