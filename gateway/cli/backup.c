/* SPDX-License-Identifier: MIT */
/*
 * skerryctl vm backup and disk restore: copies of a running VM's disks on other disks or volumes of
 * the host. Called by vm.c and lists.c; asks the gateway and prints.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"

static void backup_row(struct table *table, const json_t *backup)
{
	table_add(table, table_text(backup, "disk"));
	table_add(table, table_text(backup, "target"));
	table_add(table, table_text(backup, "kind"));
	table_add(table, table_text(backup, "number"));
	table_add(table, table_text(backup, "state"));
	table_add(table, table_bytes(json_object_get(backup, "copied_bytes")));
	table_add(table, table_bytes(json_object_get(backup, "all_bytes")));
	table_add(table, table_text(backup, "moment"));
	table_add(table, table_text(backup, "problem"));
}

static enum cli_exit backup_list(struct cli *cli, const char *vm)
{
	char path[600];

	snprintf(path, sizeof(path), "/v1/vms/%s/backups", http_segment(vm));
	return items_show(cli, path, "DISK TARGET KIND >CHAIN STATE >COPIED >OF MOMENT PROBLEM",
			  backup_row);
}

static enum cli_exit backup_change(struct cli *cli, const char *vm, const char *below, json_t *body,
				   const char *done)
{
	struct http_answer answer;
	enum cli_exit code;
	char path[600];

	snprintf(path, sizeof(path), "/v1/vms/%s/%s", http_segment(vm), below);
	code = cli_change(cli, "POST", path, NULL, body, vm, done, &answer);
	json_decref(body);
	if (code == CLI_OK)
		output_done(cli, &answer, vm, done);
	return code;
}

/* Joins the words with commas between them. */
static void backup_join(char *to, size_t size, int count, char **words)
{
	to[0] = '\0';
	for (int i = 0; i < count; i++) {
		if (strlen(to) + strlen(words[i]) + 2 > size)
			cli_die(CLI_USAGE, "there are too many disks: name fewer");
		strcat(strcat(to, i > 0 ? "," : ""), words[i]);
	}
}

static json_t *backup_body_of(const struct cli *cli, int count, char **words)
{
	json_t *body = json_object();
	char disks[1024];

	backup_join(disks, sizeof(disks), count - 1, words + 1);
	if (json_object_set_new(body, "kind", json_string(words[0])) != 0 ||
	    json_object_set_new(body, "disks", json_string(disks)) != 0)
		cli_die(CLI_USAGE, "a name is not UTF-8");
	if (cli->overwrite)
		json_object_set_new(body, "overwrite", json_true());
	return body;
}

enum cli_exit command_vm_backup(struct cli *cli, int count, char **words)
{
	bool lists = count == 2 && strcmp(words[0], "list") == 0;
	bool cancels = count == 2 && strcmp(words[0], "cancel") == 0;
	bool now = count == 2 && strcmp(words[0], "now") == 0;

	if (count < 3 && !lists && !cancels && !now)
		cli_die(CLI_USAGE, "use: vm backup NAME full|diff DISK=TARGET... [state=TARGET] "
				   "[--overwrite], vm backup list NAME, vm backup now NAME, vm "
				   "backup cancel NAME");
	cli_connect(cli);
	if (lists)
		return backup_list(cli, words[1]);
	if (now)
		return backup_change(cli, words[1], "actions/backup-now", NULL,
				     "backup is due now");
	if (cancels)
		return backup_change(cli, words[1], "actions/backup-cancel", NULL,
				     "backup cancelled");
	return backup_change(cli, words[0], "backups", backup_body_of(cli, count - 1, words + 1),
			     "backup begun");
}

/*
 * Returns the body of a request that restores a volume from its scheduled backups: `at` is
 * at=MOMENT or NULL.
 */
static json_t *backup_scheduled_body(const char *disk, const char *at)
{
	return at ? json_pack("{s:s, s:s}", "disk", disk, "at", at + strlen("at="))
		  : json_pack("{s:s}", "disk", disk);
}

/*
 * Runs `disk restore DISK BACKUP...`: `words` are the disk, then the disks that hold its backups;
 * or STORE/VOLUME [at=MOMENT], a volume that has scheduled backups.
 */
enum cli_exit command_disk_restore(struct cli *cli, int count, char **words)
{
	struct http_answer answer;
	enum cli_exit code;
	char from[1024];
	json_t *body;

	backup_join(from, sizeof(from), count - 1, words + 1);
	if (count == 1 || (count == 2 && !strncmp(words[1], "at=", strlen("at="))))
		body = backup_scheduled_body(words[0], count == 2 ? words[1] : NULL);
	else
		body = json_pack("{s:s, s:s}", "disk", words[0], "from", from);
	if (!body)
		cli_die(CLI_USAGE, "a name is not UTF-8");
	cli_connect(cli);
	code = cli_change(cli, "POST", "/v1/disks/restore", NULL, body, "host", "disk restore",
			  &answer);
	json_decref(body);
	if (code == CLI_OK)
		output_done(cli, &answer, words[0], "restored");
	return code;
}
