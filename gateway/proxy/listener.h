/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/* Opens the listening socket of the rules. Returns false after a message if that fails. */
bool listener_open(const struct rules *rules);
/* The listening descriptor. */
int listener_fd(void);
/* Accepts one connection, and gives it two processes of its own, in which this does not return. */
void listener_accept(struct rules *rules);
/* Counts off the connections whose processes have ended. */
void listener_reap(void);
