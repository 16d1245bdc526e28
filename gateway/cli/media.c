/* SPDX-License-Identifier: MIT */
/*
 * skerryctl vm eject and vm insert: the medium in a VM's CD-ROM drive. vm.c calls the commands;
 * they ask the gateway.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/output.h"
#include "gateway/cli/table.h"

static enum cli_exit media_move(struct cli *cli, const char *verb, const char *name, json_t *body)
{
	struct http_answer answer;
	const json_t *drive;
	enum cli_exit code;
	char path[600];

	if (body == NULL)
		cli_die(CLI_USAGE, "the medium's name is not UTF-8");
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/vms/%s/actions/%s", http_segment(name), verb);
	code = cli_change(cli, "POST", path, NULL, body, name, verb, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	/* if the change took longer, the drive is in the result of an operation */
	drive = json_object_get(answer.json, "result");
	if (drive == NULL)
		drive = answer.json;
	if (cli->json) {
		output_json(drive);
	} else {
		escape_print(stdout, name);
		fputs(": ", stdout);
		escape_print(stdout, table_text(drive, "disk"));
		printf(" is %s the drive\n",
		       json_is_true(json_object_get(drive, "inserted")) ? "in" : "out of");
	}
	json_decref(answer.json);
	return CLI_OK;
}

enum cli_exit command_vm_eject(struct cli *cli, int count, char **words)
{
	if (count != 1 && count != 2)
		cli_die(CLI_USAGE, "use: vm eject NAME [DISK]");
	return media_move(cli, "eject", words[0],
			  json_pack("{s:s*}", "disk", count == 2 ? words[1] : NULL));
}

enum cli_exit command_vm_insert(struct cli *cli, int count, char **words)
{
	static const char key[] = "medium=";
	static const char usage[] = "use: vm insert NAME [DISK] [medium=DISK|STORE/VOLUME]";
	const char *medium = NULL, *disk = NULL;

	for (int i = 1; i < count; i++) {
		bool other = strncmp(words[i], key, strlen(key)) == 0;

		if (count > 3 || (other ? medium : disk) != NULL)
			cli_die(CLI_USAGE, "%s", usage);
		if (other)
			medium = words[i] + strlen(key);
		else
			disk = words[i];
	}
	if (count < 1)
		cli_die(CLI_USAGE, "%s", usage);
	return media_move(cli, "insert", words[0],
			  json_pack("{s:s*, s:s*}", "disk", disk, "medium", medium));
}
