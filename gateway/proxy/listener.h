/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/* Opens the listening socket of the rules. Returns false after a message if that fails. */
bool listener_open(const struct rules *rules);
/* Returns the listening descriptor. */
int listener_fd(void);
/* Accepts one connection, and starts its two processes, in which this function does not return. */
void listener_accept(struct rules *rules);
/* Subtracts the connections whose processes have ended. */
void listener_reap(void);
