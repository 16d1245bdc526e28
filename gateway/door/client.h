/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>

#include "gateway/base/buffer.h"
#include "gateway/base/message.h"
#include "gateway/door/listener.h"
#include "gateway/door/packet.h"

enum {
	CLIENTS = 64,		 /* as many as core takes connections */
	CLIENT_CALLS = 5,	 /* that one client has under way */
	CLIENT_OUTPUT = 1 << 20, /* bytes that wait for it; more, and it is not read */
};

/* A program that speaks libvirt's RPC with us. */
struct client {
	uint32_t number; /* of core's connection; 0: the place is free */
	int fd;
	struct packet_reader reader;
	struct buffer output;
	struct listener listener;
	unsigned calls;
	bool opened;	 /* it has called ConnectOpen, and may call the others */
	bool only_reads; /* it has asked for that */
	bool closing;	 /* it is done once `output` has gone */
};

/* Takes the connection over. */
void client_add(uint32_t number, int fd);
/* Lists what clients wait for: the entries are CLIENTS, and those of free places are none. */
void client_wants(struct pollfd *waits);
void client_turn(const struct pollfd *waits);
/* Takes what core has said of a stream of events. */
void client_message(const struct message_head *head, const char *bytes, size_t count);
/* Sends a packet to a client. */
void client_send(struct client *client, const struct packet_head *head,
		 const struct buffer *contents);
