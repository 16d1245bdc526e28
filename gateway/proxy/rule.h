/* SPDX-License-Identifier: MIT */
#pragma once

#include <gnutls/gnutls.h>

#include "gateway/proxy/parse.h"
#include "gateway/proxy/range.h"

/*
 * The rules of the configuration: which guest may send which requests to which host, and which
 * headers the proxy adds.
 */
enum {
	RULE_COUNT = 64,
	RULE_HEADERS = 4,
	RULE_WORDS = 16,
	RULE_RANGES = 8,
	RULE_PINNED = 64,
	RULE_NAMES = 64,
	RULE_RESOLVERS = 3,
	RULE_KEY_BYTES = 4096,
	RULE_KEY_LEAST = 8,
	RULE_SET_BYTES = 32,
};

/* A header that is added to each request. */
struct rule_header {
	char *name, *value;
	char *key; /* the part of the value that came from a file; NULL: there is none */
};

struct rule {
	char name[PARSE_NAME_BYTES]; /* the host's name */
	unsigned port;
	bool tunnel;
	bool direct;		       /* the name is answered to clients, too */
	uint64_t bytes;		       /* the most that a client may move in an hour; 0: no limit */
	char *methods[RULE_WORDS + 1]; /* ends with NULL; empty: the usual methods */
	char *paths[RULE_WORDS + 1];   /* ends with NULL; empty: all paths */
	struct range clients[RULE_RANGES], addresses[RULE_RANGES];
	size_t client_count, address_count, header_count;
	struct rule_header headers[RULE_HEADERS];
	char *ca;				/* a file of certificates; NULL: the system's */
	gnutls_certificate_credentials_t trust; /* rules with the same `ca` share it */
};

/* An address that the configuration gives to a name, for which no name server is asked. */
struct rule_pinned {
	char name[PARSE_NAME_BYTES];
	uint32_t address;
};

/* A set of nftables that has pairs of a client's address and one that was answered to it. */
struct rule_set {
	unsigned char family; /* NFPROTO_...; 0: there is no set */
	char table[RULE_SET_BYTES], name[RULE_SET_BYTES];
};

struct rules {
	uint32_t listen, names_listen;	    /* IPv4 addresses */
	uint32_t resolvers[RULE_RESOLVERS]; /* the name servers that are asked, in turn */
	unsigned listen_port, names_port, resolver_port;
	unsigned connections, per_client;
	unsigned questions, questions_hour; /* a client may ask so many a second, and an hour */
	size_t count, pinned_count, name_count, resolver_count;
	char *resolver_file; /* where the name servers stand; NULL: in the configuration */
	struct rule_set set;
	bool set_given;
	int own_count; /* number of prefixes of this computer's interfaces */
	struct rule list[RULE_COUNT];
	struct rule_pinned pinned[RULE_PINNED];
	/* Names that are answered; one that begins with a dot has any one label before it. */
	char names[RULE_NAMES][PARSE_NAME_BYTES + 1];
	struct range own[RANGE_OWN];
};

/*
 * rule_find() returns the rule that allows the client's request; or NULL, and *why is a sentence
 * that says what would be right, valid until the next call.
 */
const struct rule *rule_find(const struct rules *rules, uint32_t client,
			     const struct parse_request *request, const char **why);
/*
 * Returns whether a host of this rule may have the address. A rule that lists addresses allows only
 * these; any other rule allows all but special addresses and those of this computer's networks.
 */
bool rule_address(const struct rules *rules, const struct rule *rule, uint32_t address);
/* Returns whether the client may be told addresses of any name. */
bool rule_has_names(const struct rules *rules);
/*
 * Returns the rule by which the client may be told addresses of the name (in small letters), or
 * NULL. A name of a line `names` has a rule without a list of addresses.
 */
const struct rule *rule_named(const struct rules *rules, uint32_t client, const char *name);
/* Returns whether there is any name by which the client may be told that address. */
bool rule_opens(const struct rules *rules, uint32_t client, uint32_t address);
/* Returns whether a client's header is dropped, because the rule or the proxy sets it. */
bool rule_drops(const struct rule *rule, const char *name);
/* Returns whether the rule adds a header with a key. */
bool rule_has_key(const struct rule *rule);
/* Clears the keys in a process that does not need them. */
void rule_forget_keys(struct rules *rules);
/* Frees the rules with their strings and certificates. */
void rule_free(struct rules *rules);
