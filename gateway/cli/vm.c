/* SPDX-License-Identifier: MIT */
/* skerryctl vm: shows the VMs of a host, and creates, configures and controls them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"

static void vm_add_vm(struct table *table, const json_t *vm)
{
	const json_t *sample = json_object_get(vm, "sample");

	table_add(table, table_text(vm, "name"));
	table_add(table, table_text(vm, "state"));
	table_add(table, table_text(vm, "vcpus"));
	table_add(table, table_bytes(json_object_get(vm, "memory_bytes")));
	table_add(table, table_bytes(json_object_get(vm, "resident_bytes")));
	table_add(table, output_duration(table_number(vm, "uptime_s")));
	table_add_format(table, "%.1f", table_number(vm, "cpu_s"));
	if (json_is_object(sample))
		table_add_format(table, "%.1f%%", table_number(sample, "cpu_percent"));
	else
		table_add(table, "-");
	table_add(table, table_text(vm, "reason"));
}

static enum cli_exit vm_list(struct cli *cli)
{
	json_t *all = json_array();
	char path[700] = "/v1/vms?limit=200";
	struct http_answer answer;
	struct table table;
	bool stale = false;
	json_t *vm;
	size_t i;

	for (;;) {
		enum cli_exit code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
		const char *next;

		if (code != CLI_OK) {
			json_decref(all);
			return code;
		}
		stale = json_is_true(json_object_get(answer.json, "stale"));
		json_array_extend(all, json_object_get(answer.json, "items"));
		next = json_string_value(json_object_get(answer.json, "next"));
		if (next != NULL)
			snprintf(path, sizeof(path), "/v1/vms?limit=200&after=%s",
				 http_segment(next));
		json_decref(answer.json);
		if (next == NULL)
			break;
	}
	if (cli->json) {
		output_json(all);
	} else {
		table_begin(&table,
			    "NAME STATE >VCPUS >MEMORY >RESIDENT >UPTIME >CPU-S >CPU REASON");
		json_array_foreach(all, i, vm) vm_add_vm(&table, vm);
		table_end(&table);
	}
	if (stale)
		cli_say("the link to Skerry is lost: this is what was known last");
	json_decref(all);
	return CLI_OK;
}

static void vm_print_line(const char *key, const char *value)
{
	printf("%-14s ", key);
	escape_print(stdout, value);
	putchar('\n');
}

static void vm_print_vm(const json_t *vm)
{
	static const char *const keys[] = {"name",	"uuid",	  "state",	"reason",
					   "exit_code", "vcpus",  "boots",	"cpu_s",
					   "exits",	"weight", "cap_percent"};
	json_t *config = json_object_get(vm, "config");
	const char *key;
	json_t *value;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		vm_print_line(keys[i], table_text(vm, keys[i]));
	vm_print_line("memory", table_bytes(json_object_get(vm, "memory_bytes")));
	vm_print_line("resident", table_bytes(json_object_get(vm, "resident_bytes")));
	vm_print_line("uptime", output_duration(table_number(vm, "uptime_s")));
	json_object_foreach(config, key, value)
	{
		const char *applies = table_text(value, "applies");

		fputs("  ", stdout);
		escape_print(stdout, key);
		fputs(" = ", stdout);
		escape_print(stdout, table_text(value, "value"));
		puts(strcmp(applies, "now") == 0 ? "" : "   (can change while it is stopped)");
	}
}

static enum cli_exit vm_show(struct cli *cli, const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "/v1/vms/%s", http_segment(name));
	return item_show(cli, path, vm_print_vm);
}

static enum cli_exit vm_act(struct cli *cli, const char *verb, const char *name)
{
	struct http_answer answer;
	json_t *body = NULL;
	enum cli_exit code;
	char path[600];

	snprintf(path, sizeof(path), "/v1/vms/%s/actions/%s%s", http_segment(name), verb,
		 cli->force ? "?force=true" : "");
	if (cli->to != NULL && strcmp(verb, "reset") == 0)
		body = json_pack("{s:s}", "snapshot", cli->to);
	code = cli_change(cli, "POST", path, NULL, body, name, verb, &answer);
	json_decref(body);
	if (code == CLI_OK && cli->json) {
		output_json(answer.json);
	} else if (code == CLI_OK) {
		const json_t *vm = json_object_get(answer.json, "vm");

		escape_print(stdout, name);
		printf(": %s", verb);
		if (json_is_false(json_object_get(answer.json, "changed")))
			fputs(", nothing to change", stdout);
		if (vm != NULL) {
			fputs(", is ", stdout);
			escape_print(stdout, table_text(vm, "state"));
		}
		putchar('\n');
	}
	json_decref(answer.json);
	return code;
}

json_t *vm_config_of(int count, char **words, bool patch)
{
	json_t *config = json_object();

	for (int i = 0; i < count; i++) {
		const char *equals = strchr(words[i], '=');
		char key[64];

		if (equals == NULL || equals == words[i] || equals - words[i] >= (long)sizeof(key))
			cli_die(CLI_USAGE, "\"%s\" is no setting: write KEY=VALUE", words[i]);
		memcpy(key, words[i], (size_t)(equals - words[i]));
		key[equals - words[i]] = 0;
		if (json_object_set_new(config, key,
					patch && equals[1] == 0 ? json_null()
								: json_string(equals + 1)) != 0)
			cli_die(CLI_USAGE, "\"%s\" is not UTF-8", key);
	}
	return config;
}

static enum cli_exit vm_create(struct cli *cli, int count, char **words)
{
	json_t *body = json_object();
	struct http_answer answer;
	enum cli_exit code;

	json_object_set_new(body, "name", json_string(words[0]));
	json_object_set_new(body, "config", vm_config_of(count - 1, words + 1, false));
	code = cli_change(cli, "POST", "/v1/vms", NULL, body, words[0], "create", &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	output_done(cli, &answer, words[0], "created");
	return CLI_OK;
}

/*
 * Changes keys of a VM only if the VM is unchanged since it was read: If-Match has the tag of that
 * answer.
 */
static enum cli_exit vm_set(struct cli *cli, int count, char **words)
{
	json_t *body = json_object();
	struct http_answer answer;
	char headers[200] = "";
	enum cli_exit code;
	char path[600];

	json_object_set_new(body, "config", vm_config_of(count - 1, words + 1, true));
	snprintf(path, sizeof(path), "/v1/vms/%s", http_segment(words[0]));
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code == CLI_OK) {
		if (answer.etag[0])
			snprintf(headers, sizeof(headers), "If-Match: %s\r\n", answer.etag);
		json_decref(answer.json);
		code = cli_change(cli, "PATCH", path, headers, body, words[0], "set", &answer);
	}
	json_decref(body);
	if (code != CLI_OK)
		return code;
	output_done(cli, &answer, words[0], "set");
	return CLI_OK;
}

static enum cli_exit vm_destroy(struct cli *cli, const char *name)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	if (!cli_confirm(cli, "destroy", name, "What it has in memory is lost."))
		return CLI_FAILED;
	snprintf(path, sizeof(path), "/v1/vms/%s%s", http_segment(name),
		 cli->force ? "?force=true" : "");
	code = cli_change(cli, "DELETE", path, NULL, NULL, name, "destroy", &answer);
	if (code != CLI_OK)
		return code;
	json_decref(answer.json);
	if (!cli->json) {
		escape_print(stdout, name);
		puts(": destroyed");
	}
	return CLI_OK;
}

/*
 * Does `verb` with all VMs that are named, also after a failure; the first failure is the exit
 * code.
 */
static enum cli_exit vm_each(struct cli *cli, const char *verb, int count, char **names)
{
	enum cli_exit first = CLI_OK;

	for (int i = 0; i < count; i++) {
		enum cli_exit code = strcmp(verb, "destroy") == 0 ? vm_destroy(cli, names[i])
								  : vm_act(cli, verb, names[i]);

		if (first == CLI_OK)
			first = code;
	}
	return first;
}

enum cli_exit command_vm(struct cli *cli, int count, char **words)
{
	static const char *const verbs[] = {"start", "stop",  "kill", "pause",	"resume",
					    "reset", "renew", "trim", "destroy"};
	static const struct {
		const char *verb;
		enum cli_exit (*run)(struct cli *cli, int count, char **words);
	} parts[] = {
		{"snapshot", command_vm_snapshot}, {"clone", command_vm_clone},
		{"save", command_vm_save},	   {"restore", command_vm_restore},
		{"balloon", command_vm_balloon},   {"inspect", command_vm_inspect},
		{"backup", command_vm_backup},	   {"digest", command_vm_digest},
		{"eject", command_vm_eject},	   {"insert", command_vm_insert},
	};
	const char *verb = count > 0 ? words[0] : "";

	if (strcmp(verb, "list") == 0 && count == 1) {
		cli_connect(cli);
		return vm_list(cli);
	}
	if (strcmp(verb, "show") == 0 && count == 2) {
		cli_connect(cli);
		return vm_show(cli, words[1]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
		if (strcmp(verb, verbs[i]) == 0 && count >= 2) {
			cli_connect(cli);
			return vm_each(cli, verb, count - 1, words + 1);
		}
	}
	if (strcmp(verb, "create") == 0 && count >= 2) {
		cli_connect(cli);
		return vm_create(cli, count - 1, words + 1);
	}
	if (strcmp(verb, "set") == 0 && count >= 3) {
		cli_connect(cli);
		return vm_set(cli, count - 1, words + 1);
	}
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		if (strcmp(verb, parts[i].verb) == 0)
			return parts[i].run(cli, count - 1, words + 1);
	cli_die(CLI_USAGE,
		"use: vm list, vm show NAME, vm "
		"start|stop|kill|pause|resume|reset|renew|trim|destroy NAME..., vm "
		"create NAME KEY=VALUE..., vm set NAME KEY=VALUE..., vm snapshot NAME "
		"SNAP, vm clone NAME@SNAP NEW [net=NAME...], vm reset NAME --to SNAP, "
		"vm save NAME DISK [--overwrite] [--continue], vm restore NAME DISK, vm "
		"backup NAME full|diff DISK=TARGET... [state=TARGET] [--overwrite], vm "
		"balloon NAME [SIZE], vm inspect NAME [PATH], vm digest NAME, vm eject NAME "
		"[DISK], vm insert NAME [DISK] [medium=DISK]");
}
