/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The connections of clients to guests. Each ends when both sides have said all, when one side
 * resets it, when no byte has come for long, or with its port.
 */

/* Where a client's connection leads, and on whose account. */
struct relay_to {
	uint32_t order; /* the number of the run's ports */
	uint64_t owner;
	uint32_t address; /* IPv4 in the byte order of this computer */
	uint16_t port;
};

/*
 * Takes over a client's connection, and begins one to the guest. If its owner has too many, or no
 * guest can be dialled, the client's is reset. When all places are taken the owner who has most
 * gives up the connection that has been idle for longest, if that leaves it no fewer than this one.
 */
void relay_begin(int client, const struct relay_to *to, int64_t now_ms);
/* Resets all connections of the run's ports. */
void relay_end_order(uint32_t order);

/* Writes what to wait for: two entries for each connection. Returns how many entries. */
size_t relay_wait(struct pollfd *waits);
/* Handles what has come of those entries, and ends what has been idle for `idle_ms`. */
void relay_ready(const struct pollfd *waits, int64_t now_ms, int64_t idle_ms);
