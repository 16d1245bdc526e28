/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/message.h"
#include "gateway/door/packet.h"

struct client;
struct rpc;

/* Carries out DomainOpenConsole. */
void terminal_open(struct rpc *call);
/* Handles a client's packet of a console's stream. */
void terminal_packet(struct client *client, const struct packet_head *head,
		     const struct xdr_reader *contents);
/* Handles core's message about a console; returns false if no console has that request id. */
bool terminal_message(const struct message_head *head, const char *bytes, size_t count);
/* Tells core that it may send more console output, when the client has taken the output so far. */
void terminal_consumed(const struct client *client);
/* Ends the consoles of a client. */
void terminal_drop(const struct client *client);
