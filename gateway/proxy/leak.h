/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Searches a host's answers for the keys of its rule, so that a host that repeats a request's
 * headers does not give the key to the guest. It finds a key as it is, across pieces; it does not
 * find a key that the host has encoded, compressed or divided.
 */
struct leak {
	size_t count;
	struct leak_key {
		const char *key;
		size_t length, matched;
		uint16_t *back; /* by number of matched bytes: the number kept after a mismatch */
	} keys[RULE_HEADERS];
	struct buffer held; /* bytes that could be the beginning of a key */
};

/* Begins to look for the rule's keys. Returns false if there is no memory. */
bool leak_start(struct leak *leak, const struct rule *rule);
/* Returns whether the bytes have one of the rule's keys in them. */
bool leak_found(const struct rule *rule, const char *bytes, size_t count);
/*
 * Adds the searched bytes to `to`, but holds back those that could be the beginning of a key.
 * Returns false when a whole key has come, of which `to` then has nothing.
 */
bool leak_take(struct leak *leak, struct buffer *to, const char *bytes, size_t count);
/* Adds the held-back bytes to `to` at the end of the stream. */
void leak_end(struct leak *leak, struct buffer *to);
void leak_free(struct leak *leak);
