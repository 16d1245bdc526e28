/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "gateway/proxy/rule.h"

/* Opens the listening socket of the rules. Returns false after a message if that fails. */
bool listener_open(const struct rules *rules);
/* Returns the listening descriptor. */
int listener_fd(void);
/* Accepts one connection, and starts its two processes, in which this function does not return. */
void listener_accept(struct rules *rules);
/* Subtracts the connection whose process that was, if it was one's. */
void listener_ended(pid_t pid);
/* Closes the listening socket, in processes that have no connection to accept. */
void listener_close(void);
