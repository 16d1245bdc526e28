/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/dns.h"
#include "gateway/proxy/rule.h"

enum { RESOLVE_NO_ANSWER = -1 };

/*
 * Finds the IPv4 addresses of a name, by the configuration's lines `resolve` or by its name
 * servers. Waits up to 6 s. Returns the number of addresses written to `addresses` (DNS_ADDRESSES),
 * or RESOLVE_NO_ANSWER.
 */
int resolve_name(const struct rules *rules, const char *name, uint32_t *addresses);
/*
 * Writes the addresses that lines `resolve` give to a name. Returns their number, 0 if no line has
 * the name.
 */
unsigned resolve_pinned(const struct rules *rules, const char *name, uint32_t *addresses);
/*
 * Sends a question for the name to one of the name servers, by the number of the try, from a port
 * that the kernel picks for this question. Writes the question (DNS_QUESTION_BYTES) and its length.
 * Returns a socket that gets that server's answer alone and does not block, or -1.
 */
int resolve_send(const struct rules *rules, const char *name, unsigned number, uint8_t *question,
		 size_t *asked);
