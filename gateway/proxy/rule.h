/* SPDX-License-Identifier: MIT */
#pragma once

#include <gnutls/gnutls.h>

#include "gateway/proxy/parse.h"
#include "gateway/proxy/range.h"

/* What the configuration says: whom a guest may ask for what, and what is added to that. */
enum {
	RULE_COUNT = 64,
	RULE_HEADERS = 4,
	RULE_WORDS = 16,
	RULE_RANGES = 8,
	RULE_PINNED = 64,
	RULE_KEY_BYTES = 4096,
	RULE_KEY_LEAST = 8,
};

/* A header that is added to each request. */
struct rule_header {
	char *name, *value;
	char *key; /* the part of the value that came from a file; NULL: none did */
};

struct rule {
	char name[PARSE_NAME_BYTES]; /* of the host */
	unsigned port;
	bool tunnel;
	uint64_t bytes;		       /* that a client may move in an hour; 0: any */
	char *methods[RULE_WORDS + 1]; /* ends with NULL; none: the usual ones */
	char *paths[RULE_WORDS + 1];   /* likewise; none: all */
	struct range clients[RULE_RANGES], addresses[RULE_RANGES];
	size_t client_count, address_count, header_count;
	struct rule_header headers[RULE_HEADERS];
	char *ca; /* a file of certificates; NULL: those of the system */
	gnutls_certificate_credentials_t trust; /* rules with the same `ca` share it */
};

/* An address that the configuration gives to a name, so that no name server is asked. */
struct rule_pinned {
	char name[PARSE_NAME_BYTES];
	uint32_t address;
};

struct rules {
	uint32_t listen, resolver; /* addresses */
	unsigned listen_port, resolver_port;
	unsigned connections, per_client;
	size_t count, pinned_count;
	int own_count; /* prefixes of this machine's interfaces */
	struct rule list[RULE_COUNT];
	struct rule_pinned pinned[RULE_PINNED];
	struct range own[RANGE_OWN];
};

/*
 * rule_find() returns the rule by which the client may make the request; or NULL, and *why is a
 * sentence that says what would be right, which stays as it is until the next call.
 */
const struct rule *rule_find(const struct rules *rules, uint32_t client,
			     const struct parse_request *request, const char **why);
/*
 * Returns whether a host of this rule may have the address. A rule with addresses means these
 * alone; else it is any but special ones and those of the networks that this machine is in.
 */
bool rule_address(const struct rules *rules, const struct rule *rule, uint32_t address);
/* Returns whether a header of the client's is dropped, as the rule or the proxy has its own. */
bool rule_drops(const struct rule *rule, const char *name);
/* Returns whether the rule adds a header with a key. */
bool rule_has_key(const struct rule *rule);
/* Clears the keys: this process does not need them. */
void rule_forget_keys(struct rules *rules);
/* Frees what the rules point to. */
void rule_free(struct rules *rules);
