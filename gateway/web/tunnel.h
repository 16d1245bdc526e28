/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * TLS (RFC 8446, RFC 5246), ended here: each connection is a tunnel between a client and a socket
 * that libmicrohttpd serves as plain HTTP. libmicrohttpd 0.9.75 has TLS of its own, but moves an
 * upgraded connection's bytes by four, and does not tell when its client has gone.
 */
enum {
	TUNNELS = 256,
	TUNNEL_POLLS = 1 + 2 * TUNNELS, /* the most descriptors that tunnel_wants may need */
	TUNNEL_PER_WHO = 4,
};

/*
 * Begins to take connections of `listener`; certificate and key are PEM. Of those that have shown
 * no credential yet at most `per_address` at a time may come from one address.
 */
bool tunnel_start(int listener, const char *certificate, const char *key, unsigned per_address);

/*
 * Lists what tunnels wait for, before a poll, at most TUNNEL_POLLS. *wait_ms becomes less when a
 * tunnel waits for something other than a descriptor.
 */
size_t tunnel_wants(struct pollfd *waits, int *wait_ms);

/* Does the tunnels' turn after the poll, with the same list. */
void tunnel_turn(const struct pollfd *waits);

/*
 * What the server's side of a connection, known by its socket, says of it: one that is no tunnel's
 * is left alone. Until the server has answered a request, no byte behind it is handed over, so that
 * each head is looked at before the server reads it.
 */
bool tunnel_has(int server);
/*
 * Notes that a head is read and that `body` bytes follow; UINT64_MAX: the body itself says where it
 * ends.
 */
void tunnel_request(int server, uint64_t body);
/* Notes that all of the request is there. */
void tunnel_complete(int server);
/*
 * Notes that an answer begins; `who` is a number for the credential that was shown, 0: none was
 * shown.
 */
void tunnel_known(int server, uint32_t who);
void tunnel_answered(int server);
/* A head that is refused: nothing more passes. */
void tunnel_shut(int server);
/* Notes that the connection became a WebSocket: from now on all bytes pass. */
void tunnel_open(int server);
