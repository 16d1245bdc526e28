/* SPDX-License-Identifier: MIT */
#pragma once

#include <gnutls/gnutls.h>

#include "gateway/base/buffer.h"
#include "gateway/proxy/rule.h"

/* A connection, with TLS or without. No function waits unless its comment says so. */
struct wire {
	int fd;			  /* the descriptor; -1: none */
	gnutls_session_t session; /* NULL: the connection has no TLS */
	bool ended;		  /* no further byte comes */
	bool broken;		  /* the connection has failed, or ended too early */
};

/*
 * Takes over the descriptor and performs the TLS handshake with the rule's host, whose certificate
 * must be for its name. Waits for that up to 10 s. Returns NULL, or a sentence about the failure.
 */
const char *wire_secure(struct wire *wire, int fd, const struct rule *rule);
/*
 * Adds at most `most` received bytes to the buffer. Returns their number, and sets `ended` or
 * `broken` if there will be no more.
 */
size_t wire_read(struct wire *wire, struct buffer *to, size_t most);
/* Sends bytes from the front of the buffer, and removes them. Returns their number. */
size_t wire_write(struct wire *wire, struct buffer *from);
/* Returns whether bytes have come that poll(2) does not know of. */
bool wire_has_read(const struct wire *wire);
/* Tells the other end that no further byte comes. */
void wire_finish(struct wire *wire);
void wire_close(struct wire *wire);
