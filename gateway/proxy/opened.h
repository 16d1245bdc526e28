/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * The set of nftables that has who may reach what: pairs of a client's address and one that was
 * answered to it, each for the answer's lifetime. A process of its own adds to it. It alone may
 * change the tables of this Linux (CAP_NET_ADMIN), and reads nothing but records of 12 bytes of the
 * process that answers questions, which it does not trust: it adds no address that no name of the
 * rules may stand for. What is in the set is known to the next process of this kind, too.
 */
enum { OPENED_COUNT = 4096, OPENED_PER_CLIENT = 128, OPENED_SECONDS_MOST = 300 };

/*
 * Returns NULL if pairs can be added to the set, or a sentence that says what would be right. Adds
 * a pair of no client's for a moment. The listening process calls it before it starts the process
 * that adds pairs.
 */
const char *opened_check(const struct rule_set *set);
/* Forgets what is in the set, in a process that does not add to it. */
void opened_forget(void);
/* Opens the socket by which the kernel is told. Returns -1 if there is none. */
int opened_netlink(void);
/*
 * Adds the pairs that come on the socket `fd`, until its other end is closed; tells the kernel by
 * `netlink`.
 */
void opened_serve(int fd, int netlink, const struct rules *rules);
/*
 * Has the process at the other end of the socket add a pair for up to OPENED_SECONDS_MOST; one that
 * is there for longer stays so. Returns false if the client has OPENED_PER_CLIENT already, no name
 * may stand for the address, the set is full or has gone, or the process has.
 */
bool opened_add(int fd, uint32_t client, uint32_t address, uint32_t seconds);
