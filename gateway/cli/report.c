/* SPDX-License-Identifier: MIT */
/*
 * skerryctl report: shows the report of a host, or writes it with its signature beside it, and
 * verifies such a file later, without a connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/output.h"
#include "gateway/cli/report_signature.h"
#include "gateway/cli/table.h"

enum { REPORT_WAIT_MS = 90000 }; /* the server gives Skerry 45 seconds to answer */

static void report_add_fact(struct table *table, const json_t *section, const char *key,
			    const json_t *value)
{
	table_add_format(table, "%s.%s", table_text(section, "id"), key);
	if (json_is_boolean(value))
		table_add(table, json_is_true(value) ? "yes" : "no");
	else if (json_is_null(value))
		table_add(table, "unknown");
	else
		table_add(table, table_text(json_object_get(section, "facts"), key));
}

/* Prints the facts of all sections, and the number of each section's items. */
static void report_print_facts(const json_t *report)
{
	json_t *section, *value;
	struct table table;
	const char *key;
	size_t i;

	table_begin(&table, "FACT VALUE");
	json_array_foreach(json_object_get(report, "sections"), i, section)
	{
		size_t items = json_array_size(json_object_get(section, "items"));

		table_add(&table, table_text(section, "id"));
		table_add_format(&table, items ? "%s, %zu rows" : "%s",
				 table_text(section, "status"), items);
		json_object_foreach(json_object_get(section, "facts"), key, value)
		{
			report_add_fact(&table, section, key, value);
		}
	}
	table_end(&table);
}

static void report_print_rules(const json_t *report)
{
	json_t *section, *rule;
	size_t i, each;

	json_array_foreach(json_object_get(report, "sections"), i, section)
	{
		struct table table;

		if (strcmp(table_text(section, "id"), "profile"))
			continue;
		putchar('\n');
		table_begin(&table, "RULE RESULT FOUND");
		json_array_foreach(json_object_get(section, "items"), each, rule)
		{
			table_add(&table, table_text(rule, "rule"));
			table_add(&table, table_text(rule, "result"));
			table_add(&table, table_text(rule, "found"));
		}
		table_end(&table);
	}
}

static enum cli_exit report_print(const struct cli *cli, const char *text, size_t count)
{
	json_t *report = json_loadb(text, count, 0, NULL);

	if (!report)
		cli_die(CLI_FAILED, "the answer is not JSON; is that a skerryd?");
	if (cli->json) {
		output_json(report);
	} else {
		report_print_facts(report);
		report_print_rules(report);
	}
	json_decref(report);
	return CLI_OK;
}

static void report_write_file(const struct cli *cli, const char *path, const char *text,
			      size_t count)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (cli->overwrite ? O_TRUNC : O_EXCL);
	int file = open(path, flags, 0600);
	size_t at = 0;

	if (file < 0 && errno == EEXIST)
		cli_die(CLI_FAILED, "%s: there is such a file; --overwrite replaces it", path);
	while (file >= 0 && at < count) {
		ssize_t written = write(file, text + at, count - at);

		if (written == 0 || (written < 0 && errno != EINTR))
			break;
		at += written > 0 ? (size_t)written : 0;
	}
	if (file < 0 || at < count || close(file) != 0)
		cli_die(CLI_FAILED, "%s: the file cannot be written: %s", path, strerror(errno));
}

/* Writes the exact bytes that were signed, and the signature beside them. */
static enum cli_exit report_write(const struct cli *cli, const char *path, const char *text,
				  size_t count, const char *signature)
{
	char beside[REPORT_PATH_BYTES], fingerprint[REPORT_FINGERPRINT_BYTES];
	const char *wrong;

	report_signature_path(path, beside);
	wrong = report_signature_check(text, count, signature, fingerprint);
	if (wrong && *signature)
		cli_die(CLI_NOT_TRUSTED, "what the server has sent is of no use: %s", wrong);
	/* Otherwise the report would be left behind without its signature. */
	if (!wrong && !cli->overwrite && access(beside, F_OK) == 0)
		cli_die(CLI_FAILED, "%s: there is such a file; --overwrite replaces it", beside);
	report_write_file(cli, path, text, count);
	if (wrong) {
		cli_say("%s: the server has not signed it", path);
		return CLI_OK;
	}
	report_write_file(cli, beside, signature, strlen(signature));
	printf("%s: signed by the key %s\n", path, fingerprint);
	return CLI_OK;
}

enum cli_exit command_report(struct cli *cli, int count, char **words)
{
	const char *file = cli->html ? cli->html : count ? words[0] : NULL;
	struct http_answer answer;
	char path[400], *text;
	enum cli_exit code;
	size_t bytes;

	if (cli->verify && !count && !cli->html)
		return report_signature_verify(cli, cli->verify);
	if (cli->verify || count > 1 || (cli->html && count))
		cli_die(CLI_USAGE,
			"use: report [--profile hardened] [FILE | --html FILE] [--overwrite], "
			"report --verify FILE [--fingerprint HEX]");
	snprintf(path, sizeof(path), "/v1/report?format=%s%s%s", cli->html ? "html" : "json",
		 cli->profile ? "&profile=" : "", cli->profile ? http_segment(cli->profile) : "");
	cli_connect(cli);
	cli->http.answer_ms = REPORT_WAIT_MS;
	if (!http_begin(&cli->http, "GET", path, NULL, NULL, &answer))
		cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
	if (answer.status != 200) {
		if (!http_take_body(&cli->http, &answer))
			cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
		return cli_problem(&answer, NULL);
	}
	text = http_take_text(&cli->http, &bytes);
	if (!text)
		cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
	code = file ? report_write(cli, file, text, bytes, answer.signature)
		    : report_print(cli, text, bytes);
	free(text);
	return code;
}
