/* SPDX-License-Identifier: MIT */
/*
 * Finds out which skerryd to connect to and with which token, and whether its certificate is the
 * known one.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/trust.h"

#define DEFAULT_SOCKET "/run/skerryd/skerryd.sock"
#define DEFAULT_PORT   "8443"

struct server {
	char host[256];
	char port[8];
	char name[270]; /* HOST:PORT, as in known_hosts */
};

/* Reads https://HOST[:PORT][/], or HOST[:PORT]; an IPv6 address stands in brackets. */
static bool connect_server_parse(const char *url, struct server *server)
{
	const char *at = strncmp(url, "https://", 8) == 0 ? url + 8 : url;
	bool bracket = *at == '[';
	const char *end;
	size_t size;

	if (bracket)
		at++;
	end = at + strcspn(at, bracket ? "]" : ":/");
	size = (size_t)(end - at);
	if (size == 0 || size >= sizeof(server->host) || (bracket && *end != ']'))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isalnum((unsigned char)at[i]) && !strchr(bracket ? ":." : "-._", at[i]))
			return false;
	}
	memcpy(server->host, at, size);
	server->host[size] = 0;
	if (bracket)
		end++;
	string_copy(server->port, sizeof(server->port), DEFAULT_PORT);
	if (*end == ':') {
		size = strspn(end + 1, "0123456789");
		if (size == 0 || size > 5)
			return false;
		memcpy(server->port, end + 1, size);
		server->port[size] = 0;
		end += 1 + size;
	}
	if (*end != 0 && strcmp(end, "/") != 0)
		return false;
	snprintf(server->name, sizeof(server->name), bracket ? "[%s]:%s" : "%s:%s", server->host,
		 server->port);
	return true;
}

static const char *connect_host_wanted(const struct cli *cli)
{
	const char *host = getenv("SKERRY_HOST");

	if (cli->socket != NULL)
		return NULL;
	if (cli->host != NULL)
		return cli->host;
	return host != NULL && host[0] ? host : NULL;
}

bool cli_token_path(const struct cli *cli, char *path, size_t size)
{
	const char *host = connect_host_wanted(cli);
	struct server server;
	char name[300];

	if (host == NULL || !connect_server_parse(host, &server))
		return false;
	snprintf(name, sizeof(name), "tokens/%s", server.name);
	return trust_path(name, path, size);
}

/* Reads the first word of a file. Refuses a file that other users can read. */
static bool connect_read_token_file(struct cli *cli, const char *path)
{
	struct http *http = &cli->http;
	struct stat about;
	ssize_t got;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return false;
	if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & 077) != 0)
		cli_die(CLI_USAGE, "%s: others may read this token; chmod 600 %s", path, path);
	got = read(file, http->token, sizeof(http->token) - 1);
	close(file);
	http->token[got > 0 ? got : 0] = 0;
	http->token[strcspn(http->token, " \t\r\n")] = 0;
	return true;
}

static void connect_take_token(struct cli *cli)
{
	const char *given = getenv("SKERRY_TOKEN");
	struct http *http = &cli->http;
	char path[1024];

	http->token[0] = 0;
	if (cli->token_file != NULL) {
		if (!connect_read_token_file(cli, cli->token_file))
			cli_die(CLI_USAGE, "%s: %s", cli->token_file, strerror(errno));
	} else if (given != NULL && given[0]) {
		string_copy(http->token, sizeof(http->token), given);
	} else if (cli_token_path(cli, path, sizeof(path))) {
		connect_read_token_file(cli, path);
	}
	for (const char *at = http->token; *at; at++) {
		if (!isgraph((unsigned char)*at))
			cli_die(CLI_USAGE, "the token has a character that no token has");
	}
}

static bool connect_ask_to_trust(const char *server, const char *fingerprint)
{
	char line[16] = "";
	FILE *terminal = fopen("/dev/tty", "r+e");

	if (terminal == NULL)
		return false;
	fprintf(terminal,
		"%s is not known yet. Its certificate has the fingerprint\n  %s\n"
		"which it has shown where it was started. Trust it from now on? [y/N] ",
		server, fingerprint);
	fflush(terminal);
	if (fgets(line, sizeof(line), terminal) == NULL)
		line[0] = 0;
	fclose(terminal);
	return line[0] == 'y' || line[0] == 'Y';
}

/* Decides whether to trust the server, to which nothing has been sent yet. */
static enum cli_exit connect_judge(struct cli *cli, const char *server)
{
	struct net *net = &cli->http.net;
	const char *shown = net->fingerprint;

	if (cli->fingerprint != NULL && strcasecmp(cli->fingerprint, shown) != 0) {
		snprintf(net->error, sizeof(net->error),
			 "%s shows a certificate with the fingerprint %s, not the one given",
			 server, shown);
		return CLI_NOT_TRUSTED;
	}
	switch (trust_look(server, shown)) {
	case TRUST_KNOWN:
		return CLI_OK;
	case TRUST_BROKEN:
		snprintf(net->error, sizeof(net->error), "known_hosts: %s", strerror(errno));
		return CLI_NOT_TRUSTED;
	case TRUST_CHANGED:
		snprintf(net->error, sizeof(net->error),
			 "%s shows another certificate than before "
			 "(fingerprint now %s): either it has been made anew, or somebody is "
			 "between. If it is right, remove its line from known_hosts",
			 server, shown);
		return CLI_NOT_TRUSTED;
	case TRUST_NEW:
		break;
	}
	if (cli->fingerprint == NULL && !connect_ask_to_trust(server, shown)) {
		snprintf(net->error, sizeof(net->error),
			 "%s is not trusted; where nobody can be "
			 "asked, --fingerprint %s does",
			 server, shown);
		return CLI_NOT_TRUSTED;
	}
	if (!trust_store(server, shown))
		cli_say("known_hosts: %s; the certificate is not kept", strerror(errno));
	return CLI_OK;
}

enum cli_exit cli_try_connect(struct cli *cli)
{
	const char *host = connect_host_wanted(cli);
	struct http *http = &cli->http;
	struct server server;
	enum cli_exit code;

	http->in_at = 0;
	http->in_count = 0;
	if (host == NULL) {
		const char *path = cli->socket != NULL ? cli->socket : DEFAULT_SOCKET;

		string_copy(http->authority, sizeof(http->authority), "localhost");
		string_copy(http->origin, sizeof(http->origin), "http://localhost");
		connect_take_token(cli);
		return net_open_unix(&http->net, path) ? CLI_OK : CLI_NOT_REACHED;
	}
	if (!connect_server_parse(host, &server))
		cli_die(CLI_USAGE, "%s is no address of a server: write https://HOST[:PORT]", host);
	string_copy(http->authority, sizeof(http->authority), server.name);
	snprintf(http->origin, sizeof(http->origin), "https://%s", server.name);
	if (!net_open_tls(&http->net, server.host, server.port))
		return CLI_NOT_REACHED;
	code = connect_judge(cli, server.name);
	if (code != CLI_OK)
		net_close(&http->net);
	else
		connect_take_token(cli);
	return code;
}

void cli_connect(struct cli *cli)
{
	enum cli_exit code = cli_try_connect(cli);

	if (code != CLI_OK)
		cli_die(code, "%s", cli->http.net.error);
}
