/* SPDX-License-Identifier: MIT */
/* skerryctl log, audit, host, token: what is shown as it comes from one request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"

static void add_query(char *path, size_t size, const char *key, const char *value)
{
	size_t used = strlen(path);

	if (value != NULL)
		snprintf(path + used, size - used, "%c%s=%s", strchr(path, '?') ? '&' : '?', key,
			 http_segment(value));
}

enum cli_exit log_command(struct cli *cli, int count, char **words)
{
	char path[1800] = "/v1/log";
	struct http_answer answer;
	enum cli_exit code;
	json_t *line;
	size_t i;

	if (count != 0)
		cli_die(CLI_USAGE, "log: found \"%s\", allowed: options", words[0]);
	add_query(path, sizeof(path), "level", cli->level);
	add_query(path, sizeof(path), "vm", cli->vm);
	add_query(path, sizeof(path), "limit", cli->limit);
	cli_connect(cli);
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		output_json(json_object_get(answer.json, "items"));
	json_array_foreach(cli->json ? NULL : json_object_get(answer.json, "items"), i, line) {
		printf("%12.6f ", table_number(line, "time_s"));
		escape_print(stdout, table_text(line, "level"));
		putchar(' ');
		escape_print(stdout, table_text(line, "category"));
		if (strcmp(table_text(line, "vm"), "-") != 0) {
			putchar(' ');
			escape_print(stdout, table_text(line, "vm"));
		}
		fputs(": ", stdout);
		escape_print(stdout, table_text(line, "text"));
		putchar('\n');
	}
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit audit_command(struct cli *cli, int count, char **words)
{
	char path[1200] = "/v1/audit";
	struct http_answer answer;
	struct table table;
	enum cli_exit code;
	json_t *entry;
	size_t i;

	if (count != 0)
		cli_die(CLI_USAGE, "audit: found \"%s\", allowed: options", words[0]);
	add_query(path, sizeof(path), "limit", cli->limit);
	add_query(path, sizeof(path), "after", cli->since);
	cli_connect(cli);
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		output_json(answer.json);
	} else {
		table_begin(&table, ">N TIME WHO ACTION TARGET RESULT");
		json_array_foreach(json_object_get(answer.json, "items"), i, entry) {
			table_add(&table, table_text(entry, "n"));
			table_add(&table, table_text(entry, "time"));
			table_add(&table, table_text(entry, "who"));
			table_add(&table, table_text(entry, "action"));
			table_add(&table, table_text(entry, "target"));
			table_add(&table, table_text(entry, "result"));
		}
		table_end(&table);
		printf("head %s\n", table_text(answer.json, "head"));
		printf("anchored %s\n", table_text(answer.json, "anchored"));
	}
	json_decref(answer.json);
	return CLI_OK;
}

static void print_pair(const char *key, const char *value)
{
	printf("%-14s ", key);
	escape_print(stdout, value);
	putchar('\n');
}

static void print_host(const json_t *host)
{
	static const char *const keys[] = { "link", "version", "boot", "speculation",
					    "speculation_open", "audit_findings", "fingerprint" };
	json_t *memory = json_object_get(host, "memory");
	json_t *each;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		print_pair(keys[i], table_text(host, keys[i]));
	print_pair("uptime", output_duration(table_number(host, "uptime_s")));
	printf("%-14s ", "rights");
	json_array_foreach(json_object_get(host, "rights"), i, each) {
		escape_print(stdout, json_is_string(each) ? json_string_value(each) : "?");
		putchar(' ');
	}
	putchar('\n');
	json_array_foreach(json_object_get(host, "cpus"), i, each) {
		printf("cpu %-10s busy %s%%", table_text(each, "id"),
		       table_text(each, "busy_percent"));
		if (json_is_number(json_object_get(each, "guest_percent")))
			printf(", guests %s%%", table_text(each, "guest_percent"));
		putchar('\n');
	}
	printf("memory         %s free", table_bytes(json_object_get(memory, "free_bytes")));
	printf(" of %s\n", table_bytes(json_object_get(memory, "total_bytes")));
	json_array_foreach(json_object_get(memory, "owners"), i, each) {
		fputs("  ", stdout);
		escape_print(stdout, table_text(each, "owner"));
		printf(": %s\n", table_bytes(json_object_get(each, "bytes")));
	}
}

/* What the audit has found is in the answer, or in the operation that was waited for. */
static void print_action(const char *action, const json_t *answer)
{
	const json_t *result = json_object_get(answer, "result");
	const char *findings = table_text(result != NULL ? result : answer, "audit_findings");

	printf("host: %s", action);
	if (strcmp(findings, "-") != 0) {
		fputs(", findings: ", stdout);
		escape_print(stdout, findings);
	}
	putchar('\n');
}

enum cli_exit host_command(struct cli *cli, int count, char **words)
{
	static const char *const actions[] = { "audit", "log-rotate", "reboot", "poweroff" };
	struct http_answer answer;
	char path[80] = "/v1/host";
	bool action = count == 1;
	bool known = count == 0;
	enum cli_exit code;

	for (size_t i = 0; action && i < sizeof(actions) / sizeof(actions[0]); i++)
		known |= strcmp(words[0], actions[i]) == 0;
	if (!known)
		cli_die(CLI_USAGE, "allowed: host, host audit|log-rotate|reboot|poweroff");
	if (action)
		snprintf(path, sizeof(path), "/v1/host/actions/%s", words[0]);
	cli_connect(cli);
	code = action ? cli_change(cli, "POST", path, NULL, NULL, "host", words[0], &answer)
		      : cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		output_json(answer.json);
	else if (action)
		print_action(words[0], answer.json);
	else
		print_host(answer.json);
	json_decref(answer.json);
	return CLI_OK;
}

static const char *expiry(const json_t *token)
{
	static char text[40];
	time_t when = (time_t)table_number(token, "expires");
	struct tm parts;

	if (!json_is_number(json_object_get(token, "expires")) || gmtime_r(&when, &parts) == NULL)
		return "-";
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return text;
}

static enum cli_exit token_list(struct cli *cli)
{
	struct http_answer answer;
	struct table table;
	enum cli_exit code = cli_ask(cli, "GET", "/v1/tokens", NULL, NULL, &answer);
	json_t *token;
	json_t *role;
	size_t i;
	size_t j;

	if (code != CLI_OK)
		return code;
	if (cli->json) {
		output_json(json_object_get(answer.json, "items"));
	} else {
		table_begin(&table, "ID NAME SCOPE EXPIRES ROLES");
		json_array_foreach(json_object_get(answer.json, "items"), i, token) {
			char roles[200] = "";

			json_array_foreach(json_object_get(token, "roles"), j, role) {
				size_t used = strlen(roles);

				snprintf(roles + used, sizeof(roles) - used, "%s%s", j ? " " : "",
					 json_is_string(role) ? json_string_value(role) : "?");
			}
			table_add(&table, table_text(token, "id"));
			table_add(&table, table_text(token, "name"));
			table_add(&table, table_text(token, "scope"));
			table_add(&table, expiry(token));
			table_add(&table, roles);
		}
		table_end(&table);
	}
	json_decref(answer.json);
	return CLI_OK;
}

/* The secret goes to stdout alone, so that it can be put into a file; what it is goes to stderr. */
static enum cli_exit token_create(struct cli *cli, const char *name)
{
	json_t *body = json_object();
	json_t *roles = json_array();
	struct http_answer answer;
	enum cli_exit code;
	char *end;

	for (int i = 0; i < cli->role_count; i++)
		json_array_append_new(roles, json_string(cli->roles[i]));
	json_object_set_new(body, "name", json_string(name));
	json_object_set_new(body, "roles", roles);
	if (cli->scope != NULL)
		json_object_set_new(body, "scope", json_string(cli->scope));
	if (cli->expires != NULL) {
		long long seconds = strtoll(cli->expires, &end, 10);

		if (seconds <= 0 || *end != 0)
			cli_die(CLI_USAGE, "--expires: found \"%s\", allowed: seconds",
				cli->expires);
		json_object_set_new(body, "expires_s", json_integer(seconds));
	}
	cli_connect(cli);
	code = cli_ask(cli, "POST", "/v1/tokens", body, NULL, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		output_json(answer.json);
	} else {
		cli_say("token %s, shown this once:", table_text(answer.json, "id"));
		escape_print(stdout, table_text(answer.json, "token"));
		putchar('\n');
	}
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit token_command(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	if (count == 1 && strcmp(words[0], "list") == 0) {
		cli_connect(cli);
		return token_list(cli);
	}
	if (count == 2 && strcmp(words[0], "create") == 0) {
		if (cli->role_count == 0)
			cli_die(CLI_USAGE, "token create: --role is missing, allowed: viewer "
				"operator admin auditor console-read console-write");
		return token_create(cli, words[1]);
	}
	if (count != 2 || strcmp(words[0], "revoke") != 0)
		cli_die(CLI_USAGE, "allowed: token list, token create NAME --role ROLE..., "
			"token revoke ID");
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/tokens/%s", http_segment(words[1]));
	code = cli_ask(cli, "DELETE", path, NULL, NULL, &answer);
	if (code == CLI_OK)
		json_decref(answer.json);
	return code;
}
