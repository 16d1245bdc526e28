/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"

/*
 * The sockets between core and the processes beside it, and between the two processes of a
 * connection of skerry-proxy (AF_UNIX, SOCK_SEQPACKET): a message is a head and up to
 * MESSAGE_PAYLOAD bytes. `id` is the number that web or door gave to a request; numbers are not
 * used again, and door's alone have the bit MESSAGE_DOOR. Of hook, mail and publish, core itself is
 * who requests.
 */
enum { MESSAGE_BYTES = 65536 };
#define MESSAGE_DOOR 0x80000000u

enum message_kind {
	/* web or door to core */
	MESSAGE_REQUEST = 1, /* a request, as fields */
	MESSAGE_CANCEL,	     /* says that the client of this request has gone */
	/*
	 * a WebSocket message of the client's, or bytes of a request's body; value: MESSAGE_TEXT or
	 * 0
	 */
	MESSAGE_DATA,
	MESSAGE_CONSUMED, /* value: bytes of a stream that the client's socket has taken */
	MESSAGE_LEFT,	  /* id: a connection of the Unix socket that is closed */
	/* core to web or door */
	MESSAGE_SETUP, /* the data that web needs at its start: certificate and key, as fields */
	/*
	 * a connection for web or door to serve: `id` is its number; the message carries its
	 * descriptor
	 */
	MESSAGE_CONNECTION,
	MESSAGE_ANSWER, /* value: status; fields: the headers */
	MESSAGE_BODY,	/* a piece of the answer's body, or a WebSocket message to the client */
	MESSAGE_END,	/* the answer is complete; value: WebSocket close code */
	MESSAGE_TAKEN,	/* value: how many more bytes of MESSAGE_DATA core has handled */
};

enum message_flag {
	MESSAGE_TEXT = 1,    /* BODY, DATA: a text message of a WebSocket */
	MESSAGE_STREAM = 2,  /* in an ANSWER: the pieces are sent as they come */
	MESSAGE_UPGRADE = 4, /* in an ANSWER: the connection becomes a WebSocket */
	MESSAGE_LAST = 8,    /* BODY: the answer is complete, no END follows */
	/*
	 * in an ANSWER: the bits from this one up are a number for the request's credential; 0: it
	 * had no valid one
	 */
	MESSAGE_WHO_SHIFT = 8,
};

struct message_head {
	uint32_t kind;
	uint32_t id;
	uint32_t value;
	uint32_t flags;
};

enum { MESSAGE_PAYLOAD = MESSAGE_BYTES - sizeof(struct message_head) };

struct message;

/*
 * One end of the socket pair between two processes. Messages that the socket does not take at once
 * are queued; `queued` counts bytes.
 */
struct message_socket {
	int fd;
	struct message *first, *last;
	size_t queued;
};

/*
 * Sends a message and takes over the descriptor `pass` (or -1). Returns false when there is no
 * memory for it, or it is too large.
 */
bool message_send(struct message_socket *socket, struct message_head head, const void *payload,
		  size_t count, int pass);

/*
 * Sends queued messages until the socket takes no more. Returns false when the other end is gone.
 */
bool message_flush(struct message_socket *socket);

/*
 * Reads one message into `bytes` (MESSAGE_BYTES). Returns the payload's length, -1 when there is no
 * message now, or -2 when the other end is gone or broke the rules. `*pass` is a descriptor that
 * came with the message, or -1; it is closed here if `pass` is NULL.
 */
long message_receive(struct message_socket *socket, struct message_head *head, char *bytes,
		     int *pass);
void message_drop(struct message_socket *socket);
