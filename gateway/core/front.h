/* SPDX-License-Identifier: MIT */
#pragma once

#include <poll.h>
#include <stdbool.h>

#include "gateway/base/message.h"

/*
 * The processes that read the bytes of clients, and ask core about their requests: web for HTTP,
 * door for libvirt's RPC.
 */
enum { FRONT_WAITS = 4 };

/* Handles a message of web or door that belongs to a request. */
typedef void front_message(const struct message_head *head, bool door, const char *bytes,
			   size_t count);

/*
 * Opens the Unix sockets that the settings name. Web gets `listener` (-1: none), the certificate
 * and the key. Returns false with a sentence on stderr.
 */
bool front_setup(int listener, const char *certificate, const char *key, front_message *message);
/* Starts web and door if they do not run and the pause after their last end is over. */
void front_tick(void);
/* Notes which of web and door have ended. */
void front_reap(void);
/* Fills in the FRONT_WAITS poll entries at `waits` with the sockets of web and door. */
void front_wait(struct pollfd *waits);
void front_ready(const struct pollfd *waits);
/* Ends web and door, and removes the names of their Unix sockets. */
void front_end(void);
struct message_socket *front_socket(bool door);
