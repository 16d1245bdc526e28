/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>

#include "gateway/proxy/names_serve.h"

/*
 * Connections of clients that ask over TCP (RFC 1035, 4.2.2): two bytes of length before each
 * message. Each has one question at a time, and is closed when it has asked nothing for a while.
 */
enum { NAMES_STREAMS = 64, NAMES_STREAMS_CLIENT = 4, NAMES_STREAM_MS = 5000 };

/* Accepts a connection, unless there are too many. */
void names_stream_accept(int tcp);
/*
 * Writes what each connection waits for, NAMES_STREAMS of them; and closes those whose time is
 * over. Returns until when the first of the others may wait, or INT64_MAX.
 */
int64_t names_stream_wait(struct pollfd *waits, int64_t now_ms);
/* Reads from the connections that are ready, and takes questions that have come whole. */
void names_stream_read(const struct pollfd *waits);
/* Sends an answer on a connection, which may go on with its next question then. */
void names_stream_send(int stream, const uint8_t *packet, size_t count);
