/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Looks for the keys of a rule in what its host answers, so that a host that shows a request's
 * headers does not give the key to the guest. It finds a key as it is, across pieces; it does not
 * find one that the host has encoded, compressed or cut up.
 */
struct leak {
	size_t count;
	struct leak_key {
		const char *key;
		size_t length, matched;
		uint16_t *back; /* where to go on after so many bytes that matched */
	} keys[RULE_HEADERS];
	struct buffer held; /* bytes that could be the beginning of a key */
};

/* Begins to look for the rule's keys. Returns false if there is no memory. */
bool leak_start(struct leak *leak, const struct rule *rule);
/* Returns whether the bytes have one of the rule's keys in them. */
bool leak_found(const struct rule *rule, const char *bytes, size_t count);
/*
 * Adds to `to` the bytes that have been looked through; keeps those that could be the beginning of
 * a key. Returns false when a key has come whole: `to` has nothing of it then.
 */
bool leak_take(struct leak *leak, struct buffer *to, const char *bytes, size_t count);
/* Adds what was kept, as nothing comes any more. */
void leak_end(struct leak *leak, struct buffer *to);
void leak_free(struct leak *leak);
