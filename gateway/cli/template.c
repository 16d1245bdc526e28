/* SPDX-License-Identifier: MIT */
/*
 * skerryctl template: makes VMs of which runs get clones, lists and drops them, and sets how many
 * clones wait at the gate. main.c calls it; it asks skerryd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

/*
 * Returns an object with the keys of the VM to be created; it is empty for a VM that has a section
 * in the configuration. With --image DISK, or image=DISK, it has the keys of a template with this
 * disk, except for those that the user sets.
 */
static json_t *template_config(const struct cli *cli, int count, char **words)
{
	static const char *const usual[][2] = {
		{"kernel", "vmlinuz"}, {"initrd", "initramfs-run.cpio.gz"},
		{"memory", "160M"},    {"cmdline", "console=ttyS0 quiet"},
		{"vsock", "yes"},      {"clock", "jump"},
	};
	json_t *config = vm_config_of(count, words, false);
	const char *image = json_string_value(json_object_get(config, "image"));
	char disk[200];

	if (cli->net)
		json_object_set_new(config, "net", json_string(cli->net));
	if (cli->image)
		image = cli->image;
	if (!image)
		return config;
	snprintf(disk, sizeof(disk), "%s ro", image);
	json_object_del(config, "image");
	for (size_t i = 0; i < ARRAY_COUNT(usual); i++) {
		if (!json_object_get(config, usual[i][0]))
			json_object_set_new(config, usual[i][0], json_string(usual[i][1]));
	}
	json_object_set_new(config, "disk", json_string(disk));
	return config;
}

/* Creates a VM that does not exist yet. Returns false, after a sentence, if that fails. */
static bool template_create(struct cli *cli, const char *name, json_t *config)
{
	json_t *body = json_pack("{s:s, s:O}", "name", name, "config", config);
	struct http_answer answer;
	bool done =
		cli_change(cli, "POST", "/v1/vms", NULL, body, name, "create", &answer) == CLI_OK;

	if (done)
		json_decref(answer.json);
	json_decref(body);
	return done;
}

/* Sets how many clones of a template wait for runs. */
static enum cli_exit template_set_warm(struct cli *cli, const char *name)
{
	char *end, path[600];
	unsigned long count = strtoul(cli->warm, &end, 10);
	struct http_answer answer;
	enum cli_exit code;
	json_t *body;

	if (end == cli->warm || *end != 0 || count > 1000)
		cli_die(CLI_USAGE, "--warm is a number of copies");
	snprintf(path, sizeof(path), "/v1/vms/%s/actions/warm", http_segment(name));
	body = json_pack("{s:i}", "count", (int)count);
	code = cli_ask(cli, "POST", path, body, NULL, &answer);
	json_decref(body);
	if (code == CLI_OK)
		json_decref(answer.json);
	return code;
}

static void template_row(struct table *table, const json_t *template)
{
	table_add(table, table_text(template, "name"));
	table_add(table, table_text(template, "state"));
	table_add(table, table_text(template, "image"));
	table_add(table, table_bytes(json_object_get(template, "memory_bytes")));
	table_add(table, table_bytes(json_object_get(template, "resident_bytes")));
	table_add(table, output_duration(table_number(template, "age_s")));
	table_add(table, table_text(template, "warm"));
	table_add(table, table_text(template, "runs"));
	table_add(table, table_text(template, "sandboxes"));
}

/* Drops each of the templates named; returns the first failure. */
static enum cli_exit template_drop(struct cli *cli, int count, char **words)
{
	enum cli_exit code, first = CLI_OK;
	struct http_answer answer;
	char path[600];

	cli_connect(cli);
	for (int i = 0; i < count; i++) {
		code = CLI_FAILED;
		snprintf(path, sizeof(path), "/v1/templates/%s", http_segment(words[i]));
		if (cli_confirm(cli, "drop", words[i], "No run can begin with it then."))
			code = cli_change(cli, "DELETE", path, NULL, NULL, words[i], "drop",
					  &answer);
		if (code == CLI_OK)
			output_done(cli, &answer, words[i], "dropped");
		else if (first == CLI_OK)
			first = code;
	}
	return first;
}

/* Makes a template of a machine that is there, or of one that it creates with those settings. */
static enum cli_exit template_make(struct cli *cli, const char *name, json_t *config)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	snprintf(path, sizeof(path), "/v1/vms/%s", http_segment(name));
	if (!http_exchange(&cli->http, "GET", path, NULL, NULL, &answer))
		cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
	code = answer.status == 200 || answer.status == 404 ? CLI_OK : cli_problem(&answer, NULL);
	json_decref(answer.json);
	if (code != CLI_OK)
		return code;
	if (answer.status == 200 && json_object_size(config) > 0)
		cli_die(CLI_FAILED,
			"%s: there is a machine of that name: give it no settings here, or "
			"destroy it first",
			name);
	if (answer.status != 200 && !template_create(cli, name, config))
		return CLI_NOT_FOUND;
	snprintf(path, sizeof(path), "/v1/vms/%s/actions/template", http_segment(name));
	code = cli_ask(cli, "POST", path, NULL, "Prefer: wait=50\r\n", &answer);
	if (code == CLI_OK)
		output_done(cli, &answer, name, "is a template");
	return code;
}

_Noreturn static void template_usage(void)
{
	cli_die(CLI_USAGE,
		"use: template create NAME [image=DISK] [net=NET] [KEY=VALUE...] [--warm N], "
		"template list, template drop NAME..., or template NAME --warm N");
}

enum cli_exit command_template(struct cli *cli, int count, char **words)
{
	const char *verb = count > 0 ? words[0] : "";
	bool create = strcmp(verb, "create") == 0;
	enum cli_exit code = CLI_OK;
	json_t *config;

	if (strcmp(verb, "list") == 0 && count == 1) {
		cli_connect(cli);
		return items_show(cli, "/v1/templates",
				  "NAME STATE IMAGE >MEMORY >RESIDENT >AGE >WARM >RUNS >SANDBOXES",
				  template_row);
	}
	if (strcmp(verb, "drop") == 0 && count > 1)
		return template_drop(cli, count - 1, words + 1);
	if (count < 1 + create || strcmp(verb, "list") == 0 || strcmp(verb, "drop") == 0)
		template_usage();
	words += create;
	count -= create;
	if (cli->warm && !create && (count != 1 || cli->image || cli->net))
		template_usage();
	config = template_config(cli, count - 1, words + 1);
	cli_connect(cli);
	if (create || !cli->warm)
		code = template_make(cli, words[0], config);
	json_decref(config);
	return code == CLI_OK && cli->warm ? template_set_warm(cli, words[0]) : code;
}
