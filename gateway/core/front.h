/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>
#include <stdbool.h>

#include "gateway/base/message.h"

/*
 * The processes that read what clients send, and ask core about it: web for HTTP, door for
 * libvirt's RPC.
 */
enum { FRONT_WAITS = 4 };

/* Gets each message of web's or door's that is a request's. */
typedef void front_message(const struct message_head *head, bool door, const char *bytes,
			   size_t count);

/*
 * Opens the Unix sockets that the settings name. Web gets `listener` (-1: none), the certificate
 * and the key. Returns false with a sentence on stderr.
 */
bool front_setup(int listener, const char *certificate, const char *key, front_message *message);
/* Starts those that do not run and have been given time. */
void front_tick(void);
/* Takes note of those that have ended. */
void front_reap(void);
/* Fills in the FRONT_WAITS entries at `waits`. */
void front_wait(struct pollfd *waits);
void front_ready(const struct pollfd *waits);
/* Ends them, and removes the sockets' names. */
void front_end(void);
struct message_socket *front_socket(bool door);
