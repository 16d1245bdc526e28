/* SPDX-License-Identifier: MIT */
/*
 * Reads the configuration file of the proxy at its start and at SIGHUP, line by line, with
 * config_key.c for each key. The listening process alone calls it; it opens files.
 */
#include "gateway/proxy/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/proxy/config_key.h"

enum { CONFIG_LINE_BYTES = 8192, CONFIG_RESOLVER_LINES = 1024 };

/* Removes blanks and line ends from both ends of a text. */
static char *config_trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = 0;
	return text;
}

/* Begins a section. Returns NULL, or a sentence that says what would be right. */
static const char *config_section(struct rules *rules, char *line)
{
	size_t length = strlen(line);
	struct rule *rule = rules->list + rules->count;
	char *name;

	if (strncmp(line, "[host ", 6) || line[length - 1] != ']')
		return "the only section is [host NAME]";
	if (rules->count == RULE_COUNT)
		return "there may be up to 64 sections";
	line[length - 1] = 0;
	name = config_trim(line + 6);
	*rule = (struct rule){.port = 443};
	if (!config_key_name(rule->name, name, strlen(name)))
		return "a host has a name of letters, digits, dots and hyphens, such as "
		       "api.example.org";
	rules->count++;
	return NULL;
}

static const char *config_line(struct rules *rules, char *line)
{
	char *equals = strchr(line, '=');

	if (*line == '[')
		return config_section(rules, line);
	if (!equals)
		return "a line is KEY = VALUE, [host NAME], or begins with #";
	*equals = 0;
	return config_key(rules, rules->count ? rules->list + rules->count - 1 : NULL,
			  config_trim(line), config_trim(equals + 1));
}

/* Opens a regular file; others, which may have no end or nobody at the other one, are not read. */
static FILE *config_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat found;
	FILE *file = NULL;

	if (fd >= 0 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode))
		file = fdopen(fd, "r");
	if (fd >= 0 && !file)
		close(fd);
	return file;
}

void config_resolvers(struct rules *rules)
{
	FILE *file = config_regular(rules->resolver_file);
	char line[256], word[64];
	struct in_addr found;
	bool begins = true;

	rules->resolver_count = 0;
	rules->resolver_port = 53;
	for (int i = 0; file && i < CONFIG_RESOLVER_LINES &&
			rules->resolver_count < RULE_RESOLVERS && fgets(line, sizeof(line), file);
	     i++) {
		if (begins && sscanf(line, "nameserver %63s", word) == 1 &&
		    inet_pton(AF_INET, word, &found) == 1)
			rules->resolvers[rules->resolver_count++] = ntohl(found.s_addr);
		/* What is behind the 255th byte of a line is no line of its own. */
		begins = strchr(line, '\n') != NULL;
	}
	if (file)
		fclose(file);
}

bool config_networks(struct rules *rules)
{
	struct range own[RANGE_OWN];
	int count = range_own(own);

	if (count < 0 ||
	    (count == rules->own_count && !memcmp(own, rules->own, (size_t)count * sizeof(*own))))
		return false;
	memcpy(rules->own, own, (size_t)count * sizeof(*own));
	rules->own_count = count;
	return true;
}

/* Returns an earlier rule that trusts the same certificates, or NULL. */
static const struct rule *config_trusts_alike(const struct rules *rules, const struct rule *rule)
{
	for (const struct rule *each = rules->list; each < rule; each++) {
		if (each->trust && !each->ca == !rule->ca &&
		    (!rule->ca || !strcmp(each->ca, rule->ca)))
			return each;
	}
	return NULL;
}

/*
 * Loads the certificates that verify each host's own. Each file is loaded once, since every process
 * of a connection begins with a copy of this process's page tables.
 */
static const char *config_trust(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		struct rule *rule = rules->list + i;
		const struct rule *alike = config_trusts_alike(rules, rule);
		int loaded;

		if (alike)
			rule->trust = alike->trust;
		/* In a tunnel the guest itself verifies the certificate. */
		if (alike || rule->tunnel)
			continue;
		if (gnutls_certificate_allocate_credentials(&rule->trust) < 0)
			return "there is no memory for certificates";
		if (rule->ca)
			loaded = gnutls_certificate_set_x509_trust_file(rule->trust, rule->ca,
									GNUTLS_X509_FMT_PEM);
		else
			loaded = gnutls_certificate_set_x509_system_trust(rule->trust);
		if (loaded <= 0)
			return rule->ca ? "the file of a line ca has no certificate in PEM"
					: "this system has no trusted certificates: install "
					  "ca-certificates, or name a file: ca = FILE";
	}
	return NULL;
}

/* Checks and completes the rules as a whole, once all lines are read. */
static const char *config_complete(struct rules *rules)
{
	const char *wrong = NULL;

	if (!rules->listen_port)
		wrong = "a line listen = ADDRESS:PORT is missing";
	for (size_t i = 0; i < rules->count && !wrong; i++) {
		if (rules->list[i].tunnel && rules->list[i].header_count)
			wrong = "a host has either tunnel = yes or a header: in a tunnel the guest "
				"speaks TLS itself, and nothing can be added";
	}
	if (!rules->resolver_count && !rules->resolver_file)
		rules->resolver_file = strdup("/etc/resolv.conf");
	if (rules->resolver_file)
		config_resolvers(rules);
	if (!rules->names_port) {
		rules->names_listen = rules->listen;
		rules->names_port = 53;
	}
	if (!wrong && rule_has_names(rules) && !rules->set_given)
		wrong = "names are answered together with a line names.set = FAMILY TABLE SET, the "
			"set of nftables that has who may reach what; none leaves that to others";
	rules->own_count = range_own(rules->own);
	if (!wrong && rules->own_count < 0)
		wrong = "this machine's own networks cannot be read, or are more than 64";
	return wrong ? wrong : config_trust(rules);
}

struct rules *config_read(const char *path)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	FILE *file = fopen(path, "re");
	char line[CONFIG_LINE_BYTES], *text;
	const char *wrong = NULL;
	unsigned number = 0;

	if (!rules || !file)
		wrong = strerror(errno);
	else
		*rules = (struct rules){.connections = 256,
					.per_client = 16,
					.questions = 10,
					.questions_hour = 2000};
	while (!wrong && fgets(line, sizeof(line), file)) {
		number++;
		if (strlen(line) == sizeof(line) - 1)
			wrong = "a line may have up to 8190 bytes";
		text = config_trim(line);
		if (!wrong && *text && *text != '#')
			wrong = config_line(rules, text);
	}
	if (wrong) {
		fprintf(stderr, "skerry-proxy: %s:%u: %s\n", path, number, wrong);
	} else {
		wrong = config_complete(rules);
		if (wrong)
			fprintf(stderr, "skerry-proxy: %s: %s\n", path, wrong);
	}
	explicit_bzero(line, sizeof(line));
	if (file)
		fclose(file);
	if (wrong && rules)
		rule_free(rules);
	return wrong ? NULL : rules;
}
