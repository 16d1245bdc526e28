/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

enum { RESOLVE_ADDRESSES = 16, RESOLVE_PACKET_BYTES = 1232, RESOLVE_NO_ANSWER = -1 };

/*
 * Finds the IPv4 addresses of a name, by the configuration's lines `resolve` or by its name server.
 * Waits up to 6 s. Returns the number of addresses written to `addresses` (RESOLVE_ADDRESSES), or
 * RESOLVE_NO_ANSWER.
 */
int resolve_name(const struct rules *rules, const char *name, uint32_t *addresses);
/*
 * Makes a question for a name (RFC 1035, 4.1) in RESOLVE_PACKET_BYTES. Returns its length, or 0
 * when it is no name of the DNS.
 */
size_t resolve_question(uint8_t *packet, uint16_t id, const char *name);
/*
 * Reads an answer to that question. Returns the number of its addresses, or RESOLVE_NO_ANSWER if
 * the packet does not answer the question.
 */
int resolve_answer(const uint8_t *packet, size_t count, const uint8_t *question, size_t asked,
		   uint32_t *addresses);
