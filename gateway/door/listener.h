/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"
#include "gateway/base/message.h"
#include "gateway/door/uuid.h"

struct client;
struct rpc;

enum { LISTENER_ENTRIES = 64 };

/*
 * The events that a client has asked for: the stream of core's events, and an entry for each
 * request for events.
 */
struct listener {
	uint32_t id; /* id of the request to core whose answer is the stream; 0: there is none */
	struct buffer input;
	/* bytes of the stream of which core was not yet told that they are handled */
	size_t unreported;
	int32_t last; /* the number of the last entry that was made */
	struct {
		int32_t number; /* the entry's number; 0: it is free */
		int32_t event;
		bool one; /* the entry is for events of the VM with this UUID alone */
		uint8_t uuid[UUID_BYTES];
	} list[LISTENER_ENTRIES];
};

/* Carry out the procedures by which a client asks for events, or no longer does. */
void listener_register(struct rpc *call);
void listener_deregister(struct rpc *call);

/*
 * Handles core's message about a stream of events; returns false if it is not this client's stream.
 */
bool listener_message(struct client *client, const struct message_head *head, const char *bytes,
		      size_t count);
/*
 * Tells core that it may send more of the client's stream, when the client has taken the bytes so
 * far.
 */
void listener_consumed(struct client *client);
/* Ends the stream. */
void listener_end(struct client *client);
