/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Connecting to hosts, in a process of its own for each client's connection: it has no keys and
 * reads nothing of a guest's, but may make sockets. The process that has the keys and reads what
 * the guest says may make none: it asks for the host of a rule, by the rule's number.
 */

/* Serves the questions that come on the socket, until the other end has closed it. */
void dial_serve(int fd, const struct rules *rules);
/*
 * Asks for a connection to the rule's host. Waits up to 30 s. Returns a descriptor that does not
 * block; or -1, and *status (of HTTP) and *why say why.
 */
int dial_ask(int fd, const struct rules *rules, const struct rule *rule, unsigned *status,
	     const char **why);
