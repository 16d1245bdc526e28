/* SPDX-License-Identifier: MIT */
/*
 * skerryctl vm snapshot, vm clone: snapshots of VMs, which Skerry keeps in memory, and clones of
 * them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

static void snapshot_row(struct table *table, const json_t *snapshot)
{
	table_add(table, table_text(snapshot, "name"));
	table_add(table, output_duration(table_number(snapshot, "age_s")));
	table_add(table, table_bytes(json_object_get(snapshot, "state_bytes")));
	table_add(table, table_bytes(json_object_get(snapshot, "disk_bytes")));
	table_add(table, table_text(snapshot, "clones"));
	table_add(table, json_is_true(json_object_get(snapshot, "reset")) ? "yes" : "no");
}

static enum cli_exit snapshot_list(struct cli *cli, const char *vm)
{
	char path[600];

	snprintf(path, sizeof(path), "/v1/vms/%s/snapshots", http_segment(vm));
	return items_show(cli, path, "SNAPSHOT >AGE >STATE >DISKS >CLONES RESET", snapshot_row);
}

static json_t *snapshot_body_of(const char *name)
{
	json_t *body = json_object();

	if (json_object_set_new(body, "name", json_string(name)) != 0)
		cli_die(CLI_USAGE, "a name is not UTF-8");
	return body;
}

/* Sends a request that changes `about`, and prints `done`. Frees the body, which may be NULL. */
static enum cli_exit snapshot_change(struct cli *cli, const char *method, const char *path,
				     json_t *body, const char *about, const char *done)
{
	struct http_answer answer;
	enum cli_exit code;

	code = cli_change(cli, method, path, NULL, body, about, done, &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	output_done(cli, &answer, about, done);
	return CLI_OK;
}

enum cli_exit command_vm_snapshot(struct cli *cli, int count, char **words)
{
	char path[1200];

	if (count != 2 && (count != 3 || strcmp(words[0], "drop") != 0))
		cli_die(CLI_USAGE, "use: vm snapshot NAME SNAP, vm snapshot list NAME, vm snapshot "
				   "drop NAME SNAP");
	cli_connect(cli);
	if (strcmp(words[0], "list") == 0)
		return snapshot_list(cli, words[1]);
	if (count == 2) {
		snprintf(path, sizeof(path), "/v1/vms/%s/snapshots", http_segment(words[0]));
		return snapshot_change(cli, "POST", path, snapshot_body_of(words[1]), words[0],
				       "snapshot taken");
	}
	/* print the first name now: http_segment() has only one buffer */
	snprintf(path, sizeof(path), "/v1/vms/%s/snapshots/", http_segment(words[1]));
	strncat(path, http_segment(words[2]), sizeof(path) - strlen(path) - 1);
	return snapshot_change(cli, "DELETE", path, NULL, words[1], "snapshot dropped");
}

enum cli_exit command_vm_clone(struct cli *cli, int count, char **words)
{
	char *at = count >= 2 ? strchr(words[0], '@') : NULL;
	char nets[600] = "";
	char path[1200];
	json_t *body;

	for (int i = 2; i < count && at != NULL; i++)
		if (strncmp(words[i], "net=", 4) == 0 &&
		    strlen(nets) + strlen(words[i]) < sizeof(nets))
			strcat(strcat(nets, i > 2 ? "," : ""), words[i] + 4);
		else
			at = NULL;
	if (at == NULL)
		cli_die(CLI_USAGE, "use: vm clone NAME@SNAP NEW [net=NAME...]");
	*at = '\0';
	cli_connect(cli);
	snprintf(path, sizeof(path), "/v1/vms/%s/snapshots/", http_segment(words[0]));
	strncat(path, http_segment(at + 1), sizeof(path) - strlen(path) - 8);
	strcat(path, "/clones");
	body = snapshot_body_of(words[1]);
	if (count > 2 && json_object_set_new(body, "net", json_string(nets)) != 0)
		cli_die(CLI_USAGE, "a network's name is not UTF-8");
	return snapshot_change(cli, "POST", path, body, words[1], "cloned");
}
