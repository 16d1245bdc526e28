/* SPDX-License-Identifier: MIT */
/*
 * Decides by the rules of the configuration: which request may be made, where its host may be,
 * which of its headers pass, which name a client may ask for. The processes of a connection call
 * it, and those that answer questions; it reads no file.
 */
#include "gateway/proxy/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/string.h"

/* Makes the sentence about a request that no rule allows. */
static const char *rule_say(const char *format, const char *first, const char *second)
{
	static char text[768];

	snprintf(text, sizeof(text), format, first, second);
	return text;
}

/* Joins the words of a list, and cuts off the text where it gets too long. */
static const char *rule_list(char *const *words)
{
	static char text[256];
	size_t at = 0;

	*text = 0;
	for (; *words && at < sizeof(text); words++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? " " : "", *words);
	return text;
}

static char *const rule_usual[] = {"GET",   "HEAD",   "POST",	 "PUT",
				   "PATCH", "DELETE", "OPTIONS", NULL};

static bool rule_has_method(const struct rule *rule, const char *method)
{
	char *const *methods = *rule->methods ? rule->methods : rule_usual;

	while (*methods && strcmp(*methods, method))
		methods++;
	return *methods != NULL;
}

/* Returns whether no host ends a part of a path before the byte. */
static bool rule_is_plain(char byte)
{
	char letter = (char)(byte | 0x20);

	return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
	       byte == '_' || byte == '~';
}

/*
 * Returns whether an escape such as %41 is invalid or may mean more than its byte to a host that
 * decodes the path before dividing it: a dot, a slash, an end of a path or of one of its parts, a
 * control, the percent sign, or the beginning of overlong UTF-8, which can encode these.
 */
static bool rule_escape_is_loose(const char *path, size_t left)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	char text[3] = "";
	unsigned long byte;

	if (left < 3 || !memchr(digits, path[1], sizeof(digits) - 1) ||
	    !memchr(digits, path[2], sizeof(digits) - 1))
		return true;
	memcpy(text, path + 1, 2);
	byte = strtoul(text, NULL, 16);
	if (byte == 0xe0 || byte == 0xf0)
		return left < 5 || path[3] != '%' || path[4] == '8' ||
		       (byte == 0xe0 && path[4] == '9');
	return byte < ' ' || byte == 127 || byte == 0xc0 || byte == 0xc1 ||
	       strchr("./\\%;?#", (int)byte);
}

/*
 * Returns whether the host could take the path for another one: it has an empty part, a part of
 * dots alone (also in front of a sign at which a host may cut the part off), or a loose escape.
 */
static bool rule_path_is_loose(const char *path, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t left = length - i - 1;

		if (path[i] == '/' && left && path[i + 1] == '/')
			return true;
		if (path[i] == '/' && left && path[i + 1] == '.') {
			size_t dots = strspn(path + i + 1, ".");

			if (dots >= left || !rule_is_plain(path[i + 1 + dots]))
				return true;
		}
		if (path[i] == '%' && rule_escape_is_loose(path + i, length - i))
			return true;
	}
	return false;
}

/* Returns whether the path is one of the rule's, or below it. */
static bool rule_has_path(const struct rule *rule, const char *path, size_t length)
{
	for (char *const *each = rule->paths; *each; each++) {
		size_t prefix = strlen(*each);

		if (length >= prefix && !strncmp(path, *each, prefix) &&
		    (length == prefix || (*each)[prefix - 1] == '/' || path[prefix] == '/'))
			return true;
	}
	return !*rule->paths;
}

/* Returns a sentence that says what is wrong with a request to the rule's host, or NULL. */
static const char *rule_objects(const struct rule *rule, const struct parse_request *request)
{
	char port[16];

	if (request->port && request->port != rule->port) {
		snprintf(port, sizeof(port), "%u", rule->port);
		return rule_say("%.300s may be asked at port %.300s alone, by TLS", rule->name,
				port);
	}
	if (request->tunnel)
		return rule->tunnel
			       ? NULL
			       : rule_say("%.300s has no tunnel here: ask for http://%.300s/... "
					  "without CONNECT, and the proxy asks it by TLS",
					  rule->name, rule->name);
	if (!rule_has_method(rule, request->method))
		return rule_say("%.300s may be asked by these methods: %.300s", rule->name,
				rule_list(*rule->methods ? rule->methods : rule_usual));
	if (*rule->paths && rule_path_is_loose(request->target, request->path))
		return rule_say(
			"write the path without ., .., //, and without %%2E, %%2F, %%3B and "
			"others that a host may read in two ways: %.300s may be asked for "
			"%.300s",
			rule->name, rule_list(rule->paths));
	if (!rule_has_path(rule, request->target, request->path))
		return rule_say("%.300s may be asked for what is below %.300s", rule->name,
				rule_list(rule->paths));
	return NULL;
}

static bool rule_has_client(const struct rule *rule, uint32_t client)
{
	return !rule->client_count || range_any(rule->clients, rule->client_count, client);
}

const struct rule *rule_find(const struct rules *rules, uint32_t client,
			     const struct parse_request *request, const char **why)
{
	*why = NULL;
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = rules->list + i;

		if (strcmp(rule->name, request->host) || !rule_has_client(rule, client))
			continue;
		*why = rule_objects(rule, request);
		if (!*why)
			return rule;
	}
	if (!*why)
		*why = rule_say("no rule lets you ask %.300s: that takes a section [host %.300s]",
				request->host, request->host);
	return NULL;
}

bool rule_address(const struct rules *rules, const struct rule *rule, uint32_t address)
{
	if (rule->address_count)
		return range_any(rule->addresses, rule->address_count, address);
	return !range_special(address) && !range_any(rules->own, (size_t)rules->own_count, address);
}

bool rule_has_names(const struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->list[i].direct)
			return true;
	}
	return rules->name_count > 0;
}

/* The rule of names that stand in a list. */
static const struct rule rule_plain;

const struct rule *rule_named(const struct rules *rules, uint32_t client, const char *name)
{
	const char *dot = strchr(name, '.');

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = rules->list + i;

		if (rule->direct && !strcmp(rule->name, name) && rule_has_client(rule, client))
			return rule;
	}
	for (size_t i = 0; i < rules->name_count; i++) {
		if (!strcmp(rules->names[i], name) || (dot && !strcmp(rules->names[i], dot)))
			return &rule_plain;
	}
	return NULL;
}

bool rule_opens(const struct rules *rules, uint32_t client, uint32_t address)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = rules->list + i;

		if (rule->direct && rule_has_client(rule, client) &&
		    rule_address(rules, rule, address))
			return true;
	}
	return rules->name_count && rule_address(rules, &rule_plain, address);
}

bool rule_drops(const struct rule *rule, const char *name)
{
	/* Headers from which some servers take another method, host, path or client. */
	static const char *const lies[] = {
		"host",		  "x-host",	      "x-method-override",   "forwarded",
		"x-real-ip",	  "x-client-ip",      "x-cluster-client-ip", "client-ip",
		"true-client-ip", "cf-connecting-ip", "front-end-https",     "via",
	};
	static const char *const beginnings[] = {"x-http-", "x-original-", "x-forwarded-",
						 "x-rewrite-", "x-override-"};

	for (size_t i = 0; i < ARRAY_COUNT(lies); i++) {
		if (parse_is_same(name, lies[i]))
			return true;
	}
	for (size_t i = 0; i < ARRAY_COUNT(beginnings); i++) {
		if (parse_begins(name, beginnings[i]))
			return true;
	}
	for (size_t i = 0; i < rule->header_count; i++) {
		if (parse_is_same(name, rule->headers[i].name))
			return true;
	}
	/* The answer is searched for the key, so the host must not encode it in another way. */
	return rule_has_key(rule) &&
	       (parse_is_same(name, "accept-encoding") || parse_is_same(name, "accept-charset"));
}

bool rule_has_key(const struct rule *rule)
{
	for (size_t i = 0; i < rule->header_count; i++) {
		if (rule->headers[i].key)
			return true;
	}
	return false;
}

void rule_forget_keys(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		struct rule *rule = rules->list + i;

		for (size_t j = 0; j < rule->header_count; j++) {
			struct rule_header *header = rule->headers + j;

			if (header->value)
				explicit_bzero(header->value, strlen(header->value));
			if (header->key)
				explicit_bzero(header->key, strlen(header->key));
		}
	}
}

/* Frees the certificates of a rule, unless a later rule shares them. */
static void rule_free_trust(const struct rules *rules, const struct rule *rule)
{
	for (const struct rule *each = rule + 1; each < rules->list + rules->count; each++) {
		if (each->trust == rule->trust)
			return;
	}
	if (rule->trust)
		gnutls_certificate_free_credentials(rule->trust);
}

void rule_free(struct rules *rules)
{
	rule_forget_keys(rules);
	for (size_t i = 0; i < rules->count; i++) {
		struct rule *rule = rules->list + i;

		for (size_t j = 0; j < RULE_WORDS; j++) {
			free(rule->methods[j]);
			free(rule->paths[j]);
		}
		for (size_t j = 0; j < rule->header_count; j++) {
			free(rule->headers[j].name);
			free(rule->headers[j].value);
			free(rule->headers[j].key);
		}
		free(rule->ca);
		rule_free_trust(rules, rule);
	}
	free(rules->resolver_file);
	free(rules);
}
