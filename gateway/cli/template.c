/* SPDX-License-Identifier: MIT */
/*
 * skerryctl template: makes VMs of which runs get clones, and sets how many clones wait at the
 * gate. main.c calls it; it asks skerryd.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/output.h"

/*
 * Returns an object with the keys of the VM to be created; it is empty for a VM that has a section
 * in the configuration. With --image DISK it has the keys of a template with this disk, except for
 * those that the user sets.
 */
static json_t *template_config(const struct cli *cli, int count, char **words)
{
	static const char *const usual[][2] = {
		{"kernel", "vmlinuz"}, {"initrd", "initramfs-run.cpio.gz"},
		{"memory", "160M"},    {"cmdline", "console=ttyS0 quiet"},
		{"vsock", "yes"},      {"clock", "jump"},
	};
	json_t *config = vm_config_of(count, words, false);
	char disk[200];

	if (cli->net)
		json_object_set_new(config, "net", json_string(cli->net));
	if (!cli->image)
		return config;
	for (size_t i = 0; i < ARRAY_COUNT(usual); i++) {
		if (!json_object_get(config, usual[i][0]))
			json_object_set_new(config, usual[i][0], json_string(usual[i][1]));
	}
	snprintf(disk, sizeof(disk), "%s ro", cli->image);
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

enum cli_exit command_template(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];
	json_t *config;
	bool done;

	if (count < 1 || (cli->warm && (count != 1 || cli->image || cli->net)))
		cli_die(CLI_USAGE, "use: template NAME [--image DISK] [--net NET] [KEY=VALUE...], "
				   "or template NAME --warm N");
	config = template_config(cli, count - 1, words + 1);
	cli_connect(cli);
	if (cli->warm) {
		json_decref(config);
		return template_set_warm(cli, words[0]);
	}
	snprintf(path, sizeof(path), "/v1/vms/%s", http_segment(words[0]));
	if (!http_exchange(&cli->http, "GET", path, NULL, NULL, &answer))
		cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
	code = answer.status == 200 || answer.status == 404 ? CLI_OK : cli_problem(&answer, NULL);
	json_decref(answer.json);
	if (code != CLI_OK) {
		json_decref(config);
		return code;
	}
	if (answer.status == 200 && json_object_size(config) > 0)
		cli_die(CLI_FAILED,
			"%s: there is a machine of that name: give it no settings here, or "
			"destroy it first",
			words[0]);
	done = answer.status == 200 || template_create(cli, words[0], config);
	json_decref(config);
	if (!done)
		return CLI_NOT_FOUND;
	snprintf(path, sizeof(path), "/v1/vms/%s/actions/template", http_segment(words[0]));
	code = cli_ask(cli, "POST", path, NULL, "Prefer: wait=50\r\n", &answer);
	if (code == CLI_OK)
		output_done(cli, &answer, words[0], "is a template");
	return code;
}
