/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"
#include "gateway/base/message.h"
#include "gateway/door/uuid.h"

struct client;
struct rpc;

enum { LISTENER_ENTRIES = 64 };

/* What a client wants to hear of: one stream of core's events, and whom it tells of which. */
struct listener {
	uint32_t id; /* of the request whose answer is the stream; 0: there is none */
	struct buffer input;
	size_t unreported; /* bytes of the stream that core does not yet know to be taken */
	int32_t last;	   /* the number of the last entry that was made */
	struct {
		int32_t number; /* 0: free */
		int32_t event;
		bool one; /* it is about this VM alone */
		uint8_t uuid[UUID_BYTES];
	} list[LISTENER_ENTRIES];
};

/* Carry out the procedures of events. */
void listener_register(struct rpc *call);
void listener_deregister(struct rpc *call);

/* Takes what core has said of the stream of that number; false: nobody has it. */
bool listener_message(struct client *client, const struct message_head *head, const char *bytes,
		      size_t count);
/* Tells core that more may come, when the client takes what it is sent. */
void listener_consumed(struct client *client);
/* Ends the stream. */
void listener_end(struct client *client);
