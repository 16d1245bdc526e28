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
	TUNNEL_POLLS = 1 + 2 * TUNNELS, /* that tunnel_wants may need */
};

/*
 * Certificate and key are PEM. From then on connections of `listener` are taken, at most
 * `per_address` at a time from one address (0: as many as there are).
 */
bool tunnel_start(int listener, const char *certificate, const char *key, unsigned per_address);

/*
 * What tunnels wait for, before a poll; at most TUNNEL_POLLS. *wait_ms becomes less when one of
 * them does not wait for a descriptor.
 */
size_t tunnel_wants(struct pollfd *waits, int *wait_ms);

/* After it, with the same list. */
void tunnel_turn(const struct pollfd *waits);
