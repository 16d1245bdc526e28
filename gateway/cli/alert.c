/* SPDX-License-Identifier: MIT */
/* skerryctl alert: shows and changes the rules of alerts, and shows which alerts fire. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

enum { ALERT_HOURS_MOST = 31 * 24 };

static const char alert_usage[] =
	"use: alert list, alert create NAME WHAT SERIES above|below NUMBER [clear=NUMBER] "
	"[hold=SECONDS] [severity=info|warning|critical] [url=URL] [mail=ADDRESS] "
	"[new-secret=yes], alert preview "
	"WHAT SERIES above|below NUMBER [clear=NUMBER] [hold=SECONDS] [--hours N], alert drop NAME";

/* Adds a value and, for a firing alert, the time since when it fires; "-" for an unknown one. */
static void alert_row(struct table *table, const json_t *rule)
{
	const json_t *first = json_array_get(json_object_get(rule, "items"), 0);
	bool below = strcmp(table_text(rule, "comparison"), "below") == 0;

	table_add(table, table_text(rule, "name"));
	table_add(table, table_text(rule, "state"));
	table_add(table, table_text(rule, "severity"));
	table_add(table, table_text(rule, "what"));
	table_add_format(table, "%s %s %.10g", table_text(rule, "series"), below ? "<" : ">",
			 table_number(rule, "threshold"));
	table_add(table, table_text(rule, "hold_s"));
	if (json_is_number(json_object_get(rule, "value")))
		table_add_format(table, "%.10g", table_number(rule, "value"));
	else
		table_add(table, "-");
	table_add(table, table_text(rule, "firing"));
	table_add(table, first ? table_time(first, "since") : "-");
	table_add(table, first ? table_text(first, "what") : "-");
}

static json_t *alert_number(const char *word, const char *text)
{
	char *end = NULL;
	double value = strtod(text, &end);

	if (end == text || *end)
		cli_die(CLI_USAGE, "%s: \"%s\" is no number", word, text);
	return json_real(value);
}

static json_t *alert_whole(const char *word, const char *text)
{
	char *end = NULL;
	long long value = strtoll(text, &end, 10);

	if (end == text || *end)
		cli_die(CLI_USAGE, "%s: \"%s\" is no whole number", word, text);
	return json_integer(value);
}

/* Adds a word KEY=VALUE to the rule. */
static void alert_add_word(json_t *rule, const char *word)
{
	const char *value = strchr(word, '=');
	size_t length = value ? (size_t)(value++ - word) : 0;
	int wrong = 0;

	if (length == 5 && strncmp(word, "clear", length) == 0)
		json_object_set_new(rule, "clear", alert_number("clear", value));
	else if (length == 4 && strncmp(word, "hold", length) == 0)
		json_object_set_new(rule, "hold_s", alert_whole("hold", value));
	else if (length == 8 && strncmp(word, "severity", length) == 0)
		wrong = json_object_set_new(rule, "severity", json_string(value));
	else if (length == 3 && strncmp(word, "url", length) == 0)
		wrong = json_object_set_new(rule, "url", json_string(value));
	else if (length == 4 && strncmp(word, "mail", length) == 0)
		wrong = json_object_set_new(rule, "mail", json_string(value));
	else if (strcmp(word, "new-secret=yes") == 0)
		json_object_set_new(rule, "new_secret", json_true());
	else
		cli_die(CLI_USAGE, "%s", alert_usage);
	if (wrong != 0)
		cli_die(CLI_USAGE, "\"%s\" is not UTF-8", word);
}

/* Returns the rule that the words WHAT SERIES above|below NUMBER [KEY=VALUE...] describe. */
static json_t *alert_rule_of(int count, char **words)
{
	json_t *rule;

	if (count < 4)
		cli_die(CLI_USAGE, "%s", alert_usage);
	rule = json_pack("{s:s, s:s, s:s, s:o}", "what", words[0], "series", words[1], "comparison",
			 words[2], "threshold", alert_number(words[2], words[3]));
	if (rule == NULL)
		cli_die(CLI_USAGE, "a word of the rule is not UTF-8");
	for (int i = 4; i < count; i++)
		alert_add_word(rule, words[i]);
	return rule;
}

static enum cli_exit alert_create(struct cli *cli, int count, char **words)
{
	json_t *rule = alert_rule_of(count - 1, words + 1), *secret;
	struct http_answer answer;
	enum cli_exit code;

	if (json_object_set_new(rule, "name", json_string(words[0])) != 0)
		cli_die(CLI_USAGE, "the name is not UTF-8");
	cli_connect(cli);
	code = cli_ask(cli, "POST", "/v1/alerts", rule, NULL, &answer);
	json_decref(rule);
	if (code != CLI_OK)
		return code;
	secret = json_incref(json_object_get(answer.json, "secret"));
	output_done(cli, &answer, words[0], answer.status == 201 ? "created" : "changed");
	if (json_is_string(secret) && !cli->json) {
		printf("secret %s\n", json_string_value(secret));
		cli_say("the web hook's receiver needs this secret, which is not shown again");
	}
	json_decref(secret);
	return CLI_OK;
}

static void alert_print_times(const json_t *answer)
{
	struct table table;
	json_t *item;
	size_t i;

	printf("It would have fired %.0f times in %.1f hours, for %.0f things.\n",
	       table_number(answer, "count"),
	       (table_number(answer, "to") - table_number(answer, "from")) / 3600,
	       table_number(answer, "things"));
	table_begin(&table, "WHAT FROM TO");
	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		table_add(&table, table_text(item, "what"));
		table_add(&table, table_time(item, "from"));
		table_add(&table, table_time(item, "to"));
	}
	table_end(&table);
}

static enum cli_exit alert_preview(struct cli *cli, int count, char **words)
{
	json_t *rule = alert_rule_of(count, words);
	struct http_answer answer;
	enum cli_exit code;
	char *end = NULL;
	long hours = cli->hours ? strtol(cli->hours, &end, 10) : 0;

	if (cli->hours && (*end || hours < 1 || hours > ALERT_HOURS_MOST))
		cli_die(CLI_USAGE, "--hours takes a number from 1 to %d here", ALERT_HOURS_MOST);
	if (cli->hours)
		json_object_set_new(rule, "seconds", json_integer(hours * 3600));
	cli_connect(cli);
	code = cli_ask(cli, "POST", "/v1/alerts/preview", rule, NULL, &answer);
	json_decref(rule);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		output_json(answer.json);
	else
		alert_print_times(answer.json);
	json_decref(answer.json);
	return CLI_OK;
}

static enum cli_exit alert_drop(struct cli *cli, const char *name)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	snprintf(path, sizeof(path), "/v1/alerts/%s", http_segment(name));
	cli_connect(cli);
	code = cli_ask(cli, "DELETE", path, NULL, NULL, &answer);
	if (code == CLI_OK)
		output_done(cli, &answer, name, "dropped");
	return code;
}

enum cli_exit command_alert(struct cli *cli, int count, char **words)
{
	const char *verb = count ? words[0] : "";

	if (count == 1 && strcmp(verb, "list") == 0) {
		cli_connect(cli);
		return items_show(cli, "/v1/alerts",
				  "NAME STATE SEVERITY WHAT RULE >HOLD >VALUE >FIRING SINCE FIRST",
				  alert_row);
	}
	if (strcmp(verb, "create") == 0 && count >= 6)
		return alert_create(cli, count - 1, words + 1);
	if (strcmp(verb, "preview") == 0 && count >= 5)
		return alert_preview(cli, count - 1, words + 1);
	if (strcmp(verb, "drop") == 0 && count == 2)
		return alert_drop(cli, words[1]);
	cli_die(CLI_USAGE, "%s", alert_usage);
}
