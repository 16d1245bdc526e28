/* SPDX-License-Identifier: MIT */
/*
 * The keys of the configuration, a table of names with the function that reads each one's value.
 * config.c calls it; header lines open the file of their key.
 */
#include "gateway/proxy/config_key.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"

static bool config_key_number(const char *text, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *number && *number <= most;
}

/* Reads ADDRESS[:PORT]; without a port `*port` is used, or the text is wrong if `*port` is 0. */
static bool config_key_address(const char *text, uint32_t *address, unsigned *port)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	char copy[RANGE_TEXT] = "";
	struct in_addr number;
	uint64_t value = *port;

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	if (inet_pton(AF_INET, copy, &number) != 1 ||
	    (colon && !config_key_number(colon + 1, 65535, &value)) || !value)
		return false;
	*address = ntohl(number.s_addr);
	*port = (unsigned)value;
	return true;
}

/* Reads a number from 1 to `most`. Returns NULL, or `wrong` if it is none. */
static const char *config_key_count(const char *text, uint64_t most, unsigned *count,
				    const char *wrong)
{
	uint64_t number;

	if (!config_key_number(text, most, &number))
		return wrong;
	*count = (unsigned)number;
	return NULL;
}

static const char *config_key_listen(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	rules->listen_port = 0;
	return config_key_address(value, &rules->listen, &rules->listen_port)
		       ? NULL
		       : "listen is ADDRESS:PORT, such as 10.7.0.1:3128";
}

static const char *config_key_resolver(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	free(rules->resolver_file);
	rules->resolver_file = NULL;
	rules->resolver_port = 53;
	rules->resolver_count = 1;
	if (*value == '/') {
		rules->resolver_count = 0;
		rules->resolver_file = strdup(value);
		return rules->resolver_file ? NULL : "there is no memory";
	}
	return config_key_address(value, rules->resolvers, &rules->resolver_port)
		       ? NULL
		       : "resolver is a name server's ADDRESS or ADDRESS:PORT, or a file such as "
			 "/etc/resolv.conf";
}

bool config_key_name(char *name, const char *text, size_t length)
{
	if (length && text[length - 1] == '.')
		length--;
	return length && text[length - 1] != '.' && parse_name(name, text, length);
}

/* Reads a list of names, of which each may begin with "*." in place of one label. */
static const char *config_key_names(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	for (char *rest, *word = strtok_r(value, " \t,", &rest); word;
	     word = strtok_r(NULL, " \t,", &rest)) {
		char *name = rules->names[rules->name_count];
		size_t any = !strncmp(word, "*.", 2);

		if (rules->name_count == RULE_NAMES)
			return "there may be up to 64 names";
		name[0] = '.';
		if (!config_key_name(name + any, word + 2 * any, strlen(word + 2 * any)) ||
		    (any && !strchr(name + 1, '.')))
			return "names is a list such as api.example.org, *.example.org: a star "
			       "stands for one label in front of two or more";
		rules->name_count++;
	}
	return NULL;
}

static const char *config_key_names_listen(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	rules->names_port = 53;
	return config_key_address(value, &rules->names_listen, &rules->names_port)
		       ? NULL
		       : "names.listen is ADDRESS or ADDRESS:PORT, such as 10.7.0.1";
}

static const char *config_key_set(struct rules *rules, struct rule *rule, char *value)
{
	static const char wrong[] = "names.set is FAMILY TABLE SET of nftables, with the family ip "
				    "or inet, such as inet skerry answered; or none";
	char family[8], table[RULE_SET_BYTES + 1], name[RULE_SET_BYTES + 1], more;

	(void)rule;
	rules->set = (struct rule_set){0};
	rules->set_given = true;
	if (!strcmp(value, "none"))
		return NULL;
	if (sscanf(value, "%7s %32s %32s %c", family, table, name, &more) != 3)
		return wrong;
	if (strlen(table) == RULE_SET_BYTES || strlen(name) == RULE_SET_BYTES)
		return "the table and the set of names.set have names of up to 31 characters";
	string_copy(rules->set.table, sizeof(rules->set.table), table);
	string_copy(rules->set.name, sizeof(rules->set.name), name);
	if (!strcmp(family, "inet"))
		rules->set.family = NFPROTO_INET;
	else if (!strcmp(family, "ip"))
		rules->set.family = NFPROTO_IPV4;
	return rules->set.family ? NULL : wrong;
}

static const char *config_key_questions(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	return config_key_count(
		value, 1000, &rules->questions,
		"names.questions is a number from 1 to 1000, of questions in a second");
}

static const char *config_key_hour(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	return config_key_count(
		value, 1000000, &rules->questions_hour,
		"names.hour is a number from 1 to 1000000, of questions in an hour that "
		"go on to a name server");
}

static const char *config_key_resolve(struct rules *rules, struct rule *rule, char *value)
{
	static const char wrong[] = "resolve is NAME ADDRESS, on up to 64 lines";
	struct rule_pinned *pinned = rules->pinned + rules->pinned_count;
	size_t name = strcspn(value, " \t");
	struct in_addr number;

	(void)rule;
	if (rules->pinned_count == RULE_PINNED || !config_key_name(pinned->name, value, name) ||
	    inet_pton(AF_INET, value + name + strspn(value + name, " \t"), &number) != 1)
		return wrong;
	pinned->address = ntohl(number.s_addr);
	rules->pinned_count++;
	return NULL;
}

static const char *config_key_connections(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	return config_key_count(value, 1024, &rules->connections,
				"connections is a number from 1 to 1024");
}

static const char *config_key_per_client(struct rules *rules, struct rule *rule, char *value)
{
	(void)rule;
	return config_key_count(value, 1024, &rules->per_client,
				"connections.client is a number from 1 to 1024");
}

static const char *config_key_port(struct rules *rules, struct rule *rule, char *value)
{
	(void)rules;
	return config_key_count(value, 65535, &rule->port, "port is a number from 1 to 65535");
}

static const char *config_key_tunnel(struct rules *rules, struct rule *rule, char *value)
{
	(void)rules;
	rule->tunnel = !strcmp(value, "yes");
	return rule->tunnel || !strcmp(value, "no") ? NULL : "tunnel is yes or no";
}

static const char *config_key_direct(struct rules *rules, struct rule *rule, char *value)
{
	(void)rules;
	rule->direct = !strcmp(value, "yes");
	return rule->direct || !strcmp(value, "no") ? NULL : "direct is yes or no";
}

static const char *config_key_bytes(struct rules *rules, struct rule *rule, char *value)
{
	static const char units[] = "KMG";
	size_t length = strlen(value);
	const char *unit = length ? strchr(units, value[length - 1]) : NULL;
	uint64_t number;

	(void)rules;
	if (unit)
		value[length - 1] = 0;
	if (!config_key_number(value, 1000000000, &number))
		return "bytes is a number, with K, M or G (of 1024) or without, of bytes in an "
		       "hour";
	rule->bytes = unit ? number << (10 * (unit - units + 1)) : number;
	return NULL;
}

/* Copies the words of a list. */
static const char *config_key_words(char **list, char *value, const char *wrong)
{
	size_t count = 0;

	for (char *rest, *word = strtok_r(value, " \t,", &rest); word;
	     word = strtok_r(NULL, " \t,", &rest)) {
		while (count < RULE_WORDS && list[count])
			count++;
		if (count == RULE_WORDS)
			return "a list may have up to 16 words";
		list[count] = strdup(word);
		if (!list[count])
			return "there is no memory";
	}
	return *list ? NULL : wrong;
}

static const char *config_key_methods(struct rules *rules, struct rule *rule, char *value)
{
	static const char wrong[] = "methods is a list such as GET POST; neither TRACE, by which a "
				    "host shows the key, nor CONNECT can be in it";
	const char *why = config_key_words(rule->methods, value, wrong);

	(void)rules;
	for (size_t i = 0; !why && rule->methods[i]; i++) {
		if (!parse_is_token(rule->methods[i]) || !strcmp(rule->methods[i], "TRACE") ||
		    !strcmp(rule->methods[i], "CONNECT"))
			why = wrong;
	}
	return why;
}

static const char *config_key_paths(struct rules *rules, struct rule *rule, char *value)
{
	static const char wrong[] = "paths is a list of beginnings of paths, such as /v1/ /v2/";
	const char *why = config_key_words(rule->paths, value, wrong);

	(void)rules;
	for (size_t i = 0; !why && rule->paths[i]; i++)
		why = rule->paths[i][0] == '/' ? NULL : wrong;
	return why;
}

static const char *config_key_ranges(struct range *ranges, size_t *count, char *value)
{
	for (char *rest, *word = strtok_r(value, " \t,", &rest); word;
	     word = strtok_r(NULL, " \t,", &rest)) {
		if (*count == RULE_RANGES || !range_read(ranges + *count, word))
			return "this key takes up to 8 of ADDRESS or ADDRESS/BITS with no bit set "
			       "behind the prefix, such as 10.1.2.0/24";
		++*count;
	}
	return *count ? NULL : "this key takes at least one ADDRESS[/BITS]";
}

static const char *config_key_clients(struct rules *rules, struct rule *rule, char *value)
{
	(void)rules;
	return config_key_ranges(rule->clients, &rule->client_count, value);
}

static const char *config_key_addresses(struct rules *rules, struct rule *rule, char *value)
{
	(void)rules;
	return config_key_ranges(rule->addresses, &rule->address_count, value);
}

static const char *config_key_ca(struct rules *rules, struct rule *rule, char *value)
{
	(void)rules;
	free(rule->ca);
	rule->ca = strdup(value);
	return rule->ca && *value ? NULL : "ca is a file of certificates in PEM";
}

/*
 * Removes blanks and line ends from both ends of a key. A host strips them from a header, too, so
 * that otherwise the key would not be found in an answer that repeats it. Returns the new length.
 */
static size_t config_key_strip(char *secret, size_t length)
{
	size_t blanks = 0;

	while (length && memchr(" \t\r\n", secret[length - 1], 4))
		length--;
	while (blanks < length && memchr(" \t", secret[blanks], 2))
		blanks++;
	memmove(secret, secret + blanks, length - blanks);
	return length - blanks;
}

/* Reads a key from its file, without blanks around it, into RULE_KEY_BYTES. */
static const char *config_key_secret(const char *path, char *secret)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return "the file behind @ cannot be opened";
	length = config_key_strip(secret, fread(secret, 1, RULE_KEY_BYTES, file));
	fclose(file);
	if (length < RULE_KEY_LEAST || length == RULE_KEY_BYTES)
		return "the file behind @ has one line of 8 to 4095 characters: fewer would be "
		       "found in answers by chance";
	secret[length] = 0;
	for (size_t i = 0; i < length; i++) {
		if (secret[i] < ' ' || secret[i] == 127)
			return "the file behind @ has one line of printable ASCII";
	}
	return NULL;
}

/* Makes a header's value of a text that may end with "@/PATH", the file whose secret follows it. */
static const char *config_key_value(struct rule_header *header, char *value)
{
	char secret[RULE_KEY_BYTES] = "", *at = strstr(value, "@/");
	const char *wrong = at ? config_key_secret(at + 1, secret) : NULL;
	size_t room = strlen(value) + RULE_KEY_BYTES;

	if (!wrong) {
		if (at)
			*at = 0;
		header->value = calloc(1, room);
		header->key = at ? strdup(secret) : NULL;
		if (!header->value || (at && !header->key))
			wrong = "there is no memory";
		else
			snprintf(header->value, room, "%s%s", value, secret);
	}
	explicit_bzero(secret, sizeof(secret));
	return wrong;
}

static const char *config_key_header(struct rules *rules, struct rule *rule, char *value)
{
	struct rule_header *header = rule->headers + rule->header_count;
	size_t name = strcspn(value, ":");
	char *text = value + name + 1;

	(void)rules;
	if (rule->header_count == RULE_HEADERS)
		return "a host may have up to 4 headers";
	if (!value[name])
		return "header is NAME: VALUE, where @/FILE at its end is a key in that file";
	value[name] = 0;
	text += strspn(text, " \t");
	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at == 127)
			return "a header's value is printable ASCII";
	}
	if (!parse_is_token(value) || parse_is_same(value, "host") ||
	    parse_is_same(value, "connection") || parse_is_same(value, "content-length") ||
	    parse_is_same(value, "transfer-encoding"))
		return "a header has a name that the proxy does not set itself, such as "
		       "Authorization";
	header->name = strdup(value);
	rule->header_count++;
	if (!header->name)
		return "there is no memory";
	return config_key_value(header, text);
}

static const struct config_entry {
	const char *name;
	bool host; /* the key belongs in a section [host NAME] */
	const char *(*read)(struct rules *rules, struct rule *rule, char *value);
} config_keys[] = {
	{"listen", false, config_key_listen},
	{"resolver", false, config_key_resolver},
	{"resolve", false, config_key_resolve},
	{"connections", false, config_key_connections},
	{"connections.client", false, config_key_per_client},
	{"names", false, config_key_names},
	{"names.listen", false, config_key_names_listen},
	{"names.set", false, config_key_set},
	{"names.questions", false, config_key_questions},
	{"names.hour", false, config_key_hour},
	{"port", true, config_key_port},
	{"direct", true, config_key_direct},
	{"tunnel", true, config_key_tunnel},
	{"bytes", true, config_key_bytes},
	{"methods", true, config_key_methods},
	{"paths", true, config_key_paths},
	{"clients", true, config_key_clients},
	{"address", true, config_key_addresses},
	{"ca", true, config_key_ca},
	{"header", true, config_key_header},
};

const char *config_key(struct rules *rules, struct rule *rule, const char *key, char *value)
{
	for (size_t i = 0; i < ARRAY_COUNT(config_keys); i++) {
		if (strcmp(config_keys[i].name, key) || config_keys[i].host != (rule != NULL))
			continue;
		return config_keys[i].read(rules, rule, value);
	}
	return rule ? "the keys of a host are port, methods, paths, header, bytes, clients, "
		      "address, ca, tunnel and direct"
		    : "the keys before the first [host NAME] are listen, resolver, resolve, "
		      "connections, connections.client, names, names.listen, names.set, "
		      "names.questions and names.hour";
}
