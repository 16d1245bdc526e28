/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Connects to hosts, in a process of its own for each client's connection, which may make sockets
 * but has no keys and reads no bytes of a guest. The process that has the keys and reads the
 * guest's bytes may make no socket: it asks for the host of a rule, by the rule's number.
 */

/* Serves the questions that come on the socket, until the other end has closed it. */
void dial_serve(int fd, const struct rules *rules);
/*
 * Asks for a connection to the rule's host, and waits up to 30 s. Returns a descriptor that does
 * not block, or -1 with the reason as HTTP status in *status and as a sentence in *why.
 */
int dial_ask(int fd, const struct rules *rules, const struct rule *rule, unsigned *status,
	     const char **why);
