/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * The set of nftables that has who may reach what: pairs of a client's address and one that was
 * answered to it, each for the answer's lifetime. A process of its own adds to it. It alone may
 * change the tables of this Linux (CAP_NET_ADMIN), and reads nothing but OPENED_... records of the
 * process that answers questions.
 */
enum { OPENED_COUNT = 4096, OPENED_PER_CLIENT = 128, OPENED_SECONDS_MOST = 600 };

/*
 * Returns NULL if pairs can be added to the set, or a sentence that says what would be right. Adds
 * a pair of no client's for a moment.
 */
const char *opened_check(const struct rule_set *set);
/* Adds the pairs that come on the socket, until its other end is closed. */
void opened_serve(int fd, const struct rule_set *set);
/*
 * Has the process at the other end of the socket add a pair for some seconds. Returns false if the
 * client has OPENED_PER_CLIENT already, the set is full or has gone, or the process has.
 */
bool opened_add(int fd, uint32_t client, uint32_t address, uint32_t seconds);
