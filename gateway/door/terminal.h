/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/message.h"
#include "gateway/door/packet.h"

struct client;
struct rpc;

/* Carries out DomainOpenConsole. */
void terminal_open(struct rpc *call);
/* Takes a packet of a stream from a client. */
void terminal_packet(struct client *client, const struct packet_head *head,
		     const struct xdr_reader *contents);
/* Takes what core has said of a console; false: none has that number. */
bool terminal_message(const struct message_head *head, const char *bytes, size_t count);
/* Tells core that more may come, when the client takes what it is sent. */
void terminal_consumed(const struct client *client);
/* Ends the consoles of a client. */
void terminal_drop(const struct client *client);
