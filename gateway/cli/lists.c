/* SPDX-License-Identifier: MIT */
/* skerryctl log, audit, host, disk: commands that print the answer to one request. */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

static void lists_add_query(char *path, size_t size, const char *key, const char *value)
{
	size_t used = strlen(path);

	if (value != NULL)
		snprintf(path + used, size - used, "%c%s=%s", strchr(path, '?') ? '&' : '?', key,
			 http_segment(value));
}

enum cli_exit command_log(struct cli *cli, int count, char **words)
{
	char path[1800] = "/v1/log";
	struct http_answer answer;
	enum cli_exit code;
	json_t *line;
	size_t i;

	if (count != 0)
		cli_die(CLI_USAGE, "log takes options and no words: remove \"%s\"", words[0]);
	lists_add_query(path, sizeof(path), "level", cli->level);
	lists_add_query(path, sizeof(path), "vm", cli->vm);
	lists_add_query(path, sizeof(path), "limit", cli->limit);
	cli_connect(cli);
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json)
		output_json(json_object_get(answer.json, "items"));
	json_array_foreach(cli->json ? NULL : json_object_get(answer.json, "items"), i, line)
	{
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

enum cli_exit command_audit(struct cli *cli, int count, char **words)
{
	char path[1200] = "/v1/audit";
	struct http_answer answer;
	struct table table;
	enum cli_exit code;
	json_t *entry;
	size_t i;

	if (count != 0)
		cli_die(CLI_USAGE, "audit takes options and no words: remove \"%s\"", words[0]);
	lists_add_query(path, sizeof(path), "limit", cli->limit);
	lists_add_query(path, sizeof(path), "after", cli->since);
	cli_connect(cli);
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli->json) {
		output_json(answer.json);
	} else {
		table_begin(&table, ">N TIME WHO ACTION TARGET RESULT");
		json_array_foreach(json_object_get(answer.json, "items"), i, entry)
		{
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

static void lists_print_pair(const char *key, const char *value)
{
	printf("%-14s ", key);
	escape_print(stdout, value);
	putchar('\n');
}

static void lists_print_host(const json_t *host)
{
	static const char *const keys[] = {"link",	  "version",	      "boot",
					   "speculation", "speculation_open", "audit_findings",
					   "fingerprint"};
	json_t *memory = json_object_get(host, "memory");
	json_t *each;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(keys); i++)
		lists_print_pair(keys[i], table_text(host, keys[i]));
	lists_print_pair("uptime", output_duration(table_number(host, "uptime_s")));
	printf("%-14s ", "rights");
	json_array_foreach(json_object_get(host, "rights"), i, each)
	{
		escape_print(stdout, json_is_string(each) ? json_string_value(each) : "?");
		putchar(' ');
	}
	putchar('\n');
	json_array_foreach(json_object_get(host, "cpus"), i, each)
	{
		printf("cpu %-10s busy %s%%", table_text(each, "id"),
		       table_text(each, "busy_percent"));
		if (json_is_number(json_object_get(each, "guest_percent")))
			printf(", guests %s%%", table_text(each, "guest_percent"));
		putchar('\n');
	}
	printf("memory         %s free", table_bytes(json_object_get(memory, "free_bytes")));
	printf(" of %s\n", table_bytes(json_object_get(memory, "total_bytes")));
	json_array_foreach(json_object_get(memory, "owners"), i, each)
	{
		fputs("  ", stdout);
		escape_print(stdout, table_text(each, "owner"));
		printf(": %s\n", table_bytes(json_object_get(each, "bytes")));
	}
}

/*
 * Prints the findings of the host's audit, which are in the answer, or in the operation's result if
 * the answer was one.
 */
static void lists_print_action(const char *action, const json_t *answer)
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

enum cli_exit command_host(struct cli *cli, int count, char **words)
{
	static const char *const actions[] = {"audit", "log-rotate", "reboot", "poweroff"};
	struct http_answer answer;
	char path[80] = "/v1/host";
	bool action = count == 1;
	bool known = count == 0;
	enum cli_exit code;

	for (size_t i = 0; action && i < ARRAY_COUNT(actions); i++)
		known |= strcmp(words[0], actions[i]) == 0;
	if (!known)
		cli_die(CLI_USAGE, "use: host, host audit|log-rotate|reboot|poweroff");
	if (action && (strcmp(words[0], "reboot") == 0 || strcmp(words[0], "poweroff") == 0) &&
	    !cli_confirm(cli, words[0], "this host", "All machines are stopped."))
		return CLI_FAILED;
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
		lists_print_action(words[0], answer.json);
	else
		lists_print_host(answer.json);
	json_decref(answer.json);
	return CLI_OK;
}

static void lists_disk_row(struct table *table, const json_t *disk)
{
	table_add(table, table_text(disk, "name"));
	table_add(table, table_text(disk, "driver"));
	table_add(table, table_text(disk, "state"));
	table_add(table, table_bytes(json_object_get(disk, "bytes")));
	table_add(table, table_text(disk, "read_only"));
	table_add(table, table_text(disk, "users"));
	table_add(table, table_text(disk, "problem"));
}

static void lists_net_row(struct table *table, const json_t *net)
{
	table_add(table, table_text(net, "name"));
	table_add(table, table_text(net, "state"));
	table_add(table, table_text(net, "uplink"));
	table_add(table, table_text(net, "link"));
	table_add(table, table_text(net, "mtu"));
	table_add(table, table_text(net, "ports"));
	table_add(table, table_text(net, "problem"));
}

enum cli_exit command_net(struct cli *cli, int count, char **words)
{
	if (count != 1 || strcmp(words[0], "list") != 0)
		cli_die(CLI_USAGE, "use: net list");
	cli_connect(cli);
	return items_show(cli, "/v1/nets", "NAME STATE UPLINK LINK >MTU >PORTS PROBLEM",
			  lists_net_row);
}

static void lists_file_row(struct table *table, const json_t *file)
{
	table_add(table, table_text(file, "name"));
	table_add(table, table_bytes(json_object_get(file, "bytes")));
	table_add(table, table_text(file, "uses"));
}

enum cli_exit command_file(struct cli *cli, int count, char **words)
{
	if (count != 1 || strcmp(words[0], "list") != 0)
		cli_die(CLI_USAGE, "use: file list");
	cli_connect(cli);
	return items_show(cli, "/v1/files", "NAME >SIZE MAY-BE", lists_file_row);
}

enum cli_exit command_disk(struct cli *cli, int count, char **words)
{
	/* a volume alone has scheduled backups */
	if ((count >= 3 || (count == 2 && strchr(words[1], '/'))) &&
	    strcmp(words[0], "restore") == 0)
		return command_disk_restore(cli, count - 1, words + 1);
	if (count != 1 || strcmp(words[0], "list") != 0)
		cli_die(CLI_USAGE, "use: disk list, disk restore DISK FULL [DIFF...], disk restore "
				   "STORE/VOLUME [at=MOMENT]");
	cli_connect(cli);
	return items_show(cli, "/v1/disks", "NAME DRIVER STATE >SIZE READ-ONLY USED-BY PROBLEM",
			  lists_disk_row);
}
