/* SPDX-License-Identifier: MIT */
/* skerryctl volume stat: shows one volume, a property to a line. Called by volume.c. */
#include <string.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/items.h"
#include "gateway/cli/table.h"
#include "gateway/cli/volume.h"

static void volume_stat_row(struct table *table, const char *title, const char *value)
{
	table_add(table, title);
	table_add(table, *value ? value : "-");
}

/* Adds the number of volumes in the list `key`, and their names. */
static void volume_stat_made(struct table *table, const char *title, const json_t *volume,
			     const char *count, const char *key)
{
	table_add(table, title);
	table_add_format(table, "%s %s", table_text(volume, count), table_words(volume, key));
}

static void volume_stat_show(const json_t *volume)
{
	struct table table;

	table_begin(&table, "PROPERTY VALUE");
	table_add(&table, "volume");
	table_add_format(&table, "%s/%s", table_text(volume, "store"), table_text(volume, "name"));
	volume_stat_row(&table, "size", table_bytes(json_object_get(volume, "bytes")));
	volume_stat_row(&table, "own", table_bytes(json_object_get(volume, "own_bytes")));
	volume_stat_row(&table, "shared", table_bytes(json_object_get(volume, "shared_bytes")));
	volume_stat_row(&table, "made-of", table_text(volume, "source"));
	volume_stat_row(&table, "encrypted-by", table_text(volume, "encrypt"));
	volume_stat_row(&table, "read-only",
			json_is_true(json_object_get(volume, "read_only")) ? "yes" : "no");
	volume_stat_row(&table, "used-by", table_text(volume, "users"));
	volume_stat_row(&table, "requests", table_text(volume, "requests"));
	volume_stat_row(&table, "read", table_bytes(json_object_get(volume, "read_bytes")));
	volume_stat_row(&table, "written", table_bytes(json_object_get(volume, "written_bytes")));
	volume_stat_made(&table, "snapshots", volume, "snapshot_count", "snapshots");
	volume_stat_made(&table, "clones", volume, "clone_count", "clones");
	table_end(&table);
}

enum cli_exit volume_stat(struct cli *cli, int count, char **words)
{
	char path[VOLUME_PATH_BYTES];

	if (count != 1 || !strchr(words[0], '/'))
		cli_die(CLI_USAGE, "use: volume stat STORE/VOLUME");
	cli_connect(cli);
	volume_path(path, words[0], "");
	return item_show(cli, path, volume_stat_show);
}
