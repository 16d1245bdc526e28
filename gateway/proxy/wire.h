/* SPDX-License-Identifier: MIT */
#pragma once

#include <gnutls/gnutls.h>

#include "gateway/base/buffer.h"
#include "gateway/proxy/rule.h"

/* A connection, with TLS or without; no call waits but where it says so. */
struct wire {
	int fd;			  /* -1: none */
	gnutls_session_t session; /* NULL: without TLS */
	bool ended;		  /* no byte more comes */
	bool broken;		  /* the connection has failed, or ended where it may not */
};

/*
 * Takes over the descriptor and agrees on TLS with the rule's host, whose certificate must be for
 * its name. Waits until then, or for 10 s. Returns NULL, or a sentence.
 */
const char *wire_secure(struct wire *wire, int fd, const struct rule *rule);
/*
 * Adds up to `most` bytes that have come to the buffer. Returns how many, and sets `ended` or
 * `broken` if there will be no more.
 */
size_t wire_read(struct wire *wire, struct buffer *to, size_t most);
/* Sends from the front of the buffer, and takes that off. Returns how many bytes. */
size_t wire_write(struct wire *wire, struct buffer *from);
/* Returns whether bytes have come that poll(2) does not know of. */
bool wire_has_read(const struct wire *wire);
/* Says to the other end that nothing more comes. */
void wire_finish(struct wire *wire);
void wire_close(struct wire *wire);
