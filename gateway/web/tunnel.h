/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * TLS (RFC 8446, RFC 5246), ended here: each connection is a tunnel between a client and a socket
 * that libmicrohttpd serves as plain HTTP. libmicrohttpd 0.9.75 has TLS of its own, but moves an
 * upgraded connection's bytes four at a time, and does not tell when its client has gone.
 */
enum {
	TUNNELS = 256,
	TUNNEL_POLLS = 1 + 2 * TUNNELS, /* the most descriptors that tunnel_wants may need */
	TUNNEL_PER_WHO = 4,
};

/*
 * Begins to accept connections at `listener`; certificate and key are PEM. At most `per_address`
 * connections that have shown no credential may come from one address; 0: any number.
 */
bool tunnel_start(int listener, const char *certificate, const char *key, unsigned per_address);

/*
 * Fills `waits` (TUNNEL_POLLS entries) with the sockets and events that the tunnels wait for, and
 * returns their number. Lowers *wait_ms when a tunnel's time limit is over sooner.
 */
size_t tunnel_wants(struct pollfd *waits, int *wait_ms);

/* Moves the tunnels' bytes after the poll; `waits` was filled by tunnel_wants(). */
void tunnel_turn(const struct pollfd *waits);

/*
 * The server's side names a tunnel by its own end of the tunnel's socket pair; each function
 * ignores a socket that is no tunnel's. No byte behind a request is handed to the server before it
 * has answered that request, so that each head is checked before the server reads it.
 */
bool tunnel_has(int server);
/*
 * Notes that the server has read a head of the tunnel's and that a body of `body` bytes follows;
 * UINT64_MAX: the body itself says where it ends.
 */
void tunnel_request(int server, uint64_t body);
/* Notes that all of the tunnel's present request is there, so that its time limit ends. */
void tunnel_complete(int server);
/*
 * Notes that an answer begins in the tunnel; `who` is a number for the credential that was shown,
 * 0: none was shown.
 */
void tunnel_known(int server, uint32_t who);
void tunnel_answered(int server);
/* Notes that a head was refused: no more of the tunnel's bytes pass. */
void tunnel_shut(int server);
/* Notes that the connection became a WebSocket: from now on all bytes pass. */
void tunnel_open(int server);
