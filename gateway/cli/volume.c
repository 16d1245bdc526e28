/* SPDX-License-Identifier: MIT */
/* skerryctl store and volume: stores on disks of the host, and the volumes that they hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/items.h"
#include "gateway/cli/output.h"
#include "gateway/cli/state.h"
#include "gateway/cli/volume.h"

static void volume_store_row(struct table *table, const json_t *store)
{
	json_int_t faults = json_integer_value(json_object_get(store, "scrub_faults"));
	json_int_t room = json_integer_value(json_object_get(store, "room_bytes"));

	table_add(table, table_text(store, "name"));
	table_add(table, table_text(store, "disk"));
	table_add(table, table_text(store, "state"));
	table_add(table, table_bytes(json_object_get(store, "bytes")));
	table_add(table, table_bytes(json_object_get(store, "free_bytes")));
	table_add(table, table_bytes(json_object_get(store, "reserved_bytes")));
	table_add(table, table_text(store, "volumes"));
	if (faults > 0)
		table_add_format(table, "a scrub found %lld damaged chunks", (long long)faults);
	else if (room > 0)
		table_add_format(table, "its disk has %s more, which `store grow` takes",
				 table_bytes(json_object_get(store, "room_bytes")));
	else
		table_add(table, table_text(store, "problem"));
}

static void volume_row(struct table *table, const json_t *volume)
{
	bool snapshot = json_is_true(json_object_get(volume, "snapshot"));
	bool fixed = json_is_true(json_object_get(volume, "read_only"));

	table_add_format(table, "%s/%s", table_text(volume, "store"), table_text(volume, "name"));
	table_add(table, table_bytes(json_object_get(volume, "bytes")));
	table_add(table, table_bytes(json_object_get(volume, "own_bytes")));
	table_add(table, snapshot ? "snapshot" : fixed ? "read-only" : "-");
	table_add(table, table_text(volume, "users"));
}

void volume_path(char path[VOLUME_PATH_BYTES], const char *word, const char *below)
{
	const char *stroke = strchr(word, '/');
	char store[200];

	snprintf(store, sizeof(store), "%.*s", (int)(stroke ? stroke - word : 199), word);
	snprintf(path, VOLUME_PATH_BYTES, "/v1/stores/%s", http_segment(store));
	if (stroke) {
		strcat(path, "/volumes/");
		strncat(path, http_segment(stroke + 1), VOLUME_PATH_BYTES - strlen(path) - 1);
	}
	strncat(path, below, VOLUME_PATH_BYTES - strlen(path) - 1);
}

/* Adds the volumes of a store to the list `rows`. */
static enum cli_exit volume_collect(struct cli *cli, const char *store, json_t *rows)
{
	struct http_answer answer;
	char path[VOLUME_PATH_BYTES];
	enum cli_exit code;

	volume_path(path, store, "/volumes");
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code == CLI_OK) {
		json_array_extend(rows, json_object_get(answer.json, "items"));
		json_decref(answer.json);
	}
	return code;
}

static enum cli_exit volume_collect_all(struct cli *cli, json_t *rows)
{
	struct http_answer answer;
	enum cli_exit code = cli_ask(cli, "GET", "/v1/stores", NULL, NULL, &answer);
	json_t *store;
	size_t i;

	if (code != CLI_OK)
		return code;
	json_array_foreach(json_object_get(answer.json, "items"), i, store)
	{
		if (code == CLI_OK)
			code = volume_collect(cli, table_text(store, "name"), rows);
	}
	json_decref(answer.json);
	return code;
}

static enum cli_exit volume_list(struct cli *cli, int count, char **words)
{
	json_t *rows = json_array(), *row;
	struct table table;
	enum cli_exit code;
	size_t i;

	if (count > 1 || (count == 1 && strchr(words[0], '/')))
		cli_die(CLI_USAGE, "use: volume list [STORE]");
	cli_connect(cli);
	code = count ? volume_collect(cli, words[0], rows) : volume_collect_all(cli, rows);
	if (code == CLI_OK && cli->json) {
		output_json(rows);
	} else if (code == CLI_OK) {
		table_begin(&table, "VOLUME >SIZE >OWN KIND USED-BY");
		json_array_foreach(rows, i, row) volume_row(&table, row);
		table_end(&table);
	}
	json_decref(rows);
	return code;
}

/*
 * Sends a request that changes the store or volume `about`, and prints `done` when the change is
 * made. Frees the body.
 */
static enum cli_exit volume_change(struct cli *cli, const char *method, const char *path,
				   json_t *body, const char *about, const char *done)
{
	struct http_answer answer;
	enum cli_exit code;

	cli_connect(cli);
	code = cli_change(cli, method, path, NULL, body, about, done, &answer);
	json_decref(body);
	if (code == CLI_OK)
		output_done(cli, &answer, about, done);
	return code;
}

static json_t *volume_body_of(const char *key, const char *word)
{
	json_t *body = json_object();

	if (json_object_set_new(body, key, json_string(word)) != 0)
		cli_die(CLI_USAGE, "a name is not UTF-8");
	return body;
}

static enum cli_exit volume_create(struct cli *cli, int count, char **words)
{
	const char *stroke = count >= 2 ? strchr(words[0], '/') : NULL;
	bool copies = count == 3 && !strncmp(words[2], "from=", 5);
	char path[VOLUME_PATH_BYTES], store[200];
	json_t *body;

	if (!stroke || (count == 3 && !copies) || count > 3)
		cli_die(CLI_USAGE, "use: volume create STORE/VOLUME SIZE [from=VOLUME]");
	snprintf(store, sizeof(store), "%.*s", (int)(stroke - words[0]), words[0]);
	volume_path(path, store, "/volumes");
	body = volume_body_of("name", stroke + 1);
	json_object_set_new(body, "bytes", json_integer(state_size_of(words[1])));
	if (copies && json_object_set_new(body, "from", json_string(words[2] + 5)) != 0)
		cli_die(CLI_USAGE, "a name is not UTF-8");
	return volume_change(cli, "POST", path, body, words[0], "created");
}

/* The commands that take STORE/VOLUME and one more word. */
static const struct {
	const char *name, *method, *below, *key, *done, *usage;
} volume_verbs[] = {
	{"clone", "POST", "/clones", "name", "cloned", "NEW"},
	{"snapshot", "POST", "/snapshots", "name", "snapshot taken", "NEW"},
	{"resize", "PATCH", "", "bytes", "resized", "SIZE"},
	{"rename", "PATCH", "", "name", "renamed", "NAME"},
	{"rekey", "POST", "/actions/rekey", "key", "has another key", "KEY"},
	{"rollback", "POST", "/actions/rollback", "snapshot", "rolled back", "SNAPSHOT"},
	{"export", "POST", "/actions/export", "disk", "exported", "DISK"},
	{"import", "POST", "/actions/import", "disk", "imported", "DISK"},
};

static enum cli_exit volume_verb(struct cli *cli, size_t verb, int count, char **words)
{
	const char *key = volume_verbs[verb].key;
	char path[VOLUME_PATH_BYTES];
	json_t *body;

	if (count != 2 || !strchr(words[0], '/'))
		cli_die(CLI_USAGE, "use: volume %s STORE/VOLUME %s", volume_verbs[verb].name,
			volume_verbs[verb].usage);
	if (!strcmp(key, "snapshot") &&
	    !cli_confirm(cli, "rollback", words[0], "What it holds now is lost."))
		return CLI_FAILED;
	if (!strcmp(volume_verbs[verb].name, "export") &&
	    !cli_confirm(cli, "export to", words[1], "What that disk holds is lost."))
		return CLI_FAILED;
	volume_path(path, words[0], volume_verbs[verb].below);
	body = !strcmp(key, "bytes") ? json_pack("{s:I}", key, state_size_of(words[1]))
				     : volume_body_of(key, words[1]);
	return volume_change(cli, volume_verbs[verb].method, path, body, words[0],
			     volume_verbs[verb].done);
}

static void volume_rekey_row(struct table *table, const json_t *rekey)
{
	table_add_format(table, "%s/%s", table_text(rekey, "store"), table_text(rekey, "volume"));
	table_add(table, table_text(rekey, "key"));
	table_add(table, table_text(rekey, "state"));
	table_add(table, table_text(rekey, "round"));
	table_add(table, table_bytes(json_object_get(rekey, "copied_bytes")));
	table_add(table, table_bytes(json_object_get(rekey, "all_bytes")));
	table_add(table, table_text(rekey, "reason"));
}

/*
 * Shows the last rekey, or cancels a volume's. Returns false for other words, which begin a rekey.
 */
static bool volume_rekey(struct cli *cli, int count, char **words, enum cli_exit *code)
{
	char path[VOLUME_PATH_BYTES];

	if (count == 1 && !strcmp(words[0], "list")) {
		cli_connect(cli);
		*code = items_show(cli, "/v1/rekeys", "VOLUME KEY STATE >ROUND >COPIED >OF REASON",
				   volume_rekey_row);
		return true;
	}
	if (count != 2 || strcmp(words[0], "cancel") != 0 || !strchr(words[1], '/'))
		return false;
	volume_path(path, words[1], "/actions/rekey-cancel");
	*code = volume_change(cli, "POST", path, NULL, words[1], "keeps its key");
	return true;
}

static void volume_copy_row(struct table *table, const json_t *copy)
{
	table_add_format(table, "%s/%s", table_text(copy, "store"), table_text(copy, "volume"));
	table_add(table, table_text(copy, "disk"));
	table_add(table, table_text(copy, "copy"));
	table_add(table, table_text(copy, "state"));
	table_add(table, table_bytes(json_object_get(copy, "copied_bytes")));
	table_add(table, table_bytes(json_object_get(copy, "all_bytes")));
	table_add(table, table_text(copy, "reason"));
}

/* Shows the last export or import, or cancels the one that is under way. */
static enum cli_exit volume_copy(struct cli *cli, int count, char **words)
{
	bool cancel = count == 1 && !strcmp(words[0], "cancel");

	if (cancel)
		return volume_change(cli, "POST", "/v1/copies/actions/cancel", NULL, "the copy",
				     "cancelled");
	if (count != 1 || strcmp(words[0], "list") != 0)
		cli_die(CLI_USAGE, "use: volume copy list, or volume copy cancel");
	cli_connect(cli);
	return items_show(cli, "/v1/copies", "VOLUME DISK COPY STATE >COPIED >OF REASON",
			  volume_copy_row);
}

static enum cli_exit volume_drop(struct cli *cli, int count, char **words)
{
	char path[VOLUME_PATH_BYTES];

	if (count != 1 || !strchr(words[0], '/'))
		cli_die(CLI_USAGE, "use: volume drop STORE/VOLUME");
	if (!cli_confirm(cli, "drop", words[0], "What it alone holds is lost."))
		return CLI_FAILED;
	volume_path(path, words[0], "");
	return volume_change(cli, "DELETE", path, NULL, words[0], "dropped");
}

enum cli_exit command_volume(struct cli *cli, int count, char **words)
{
	const char *verb = count > 0 ? words[0] : "";
	enum cli_exit code;

	if (!strcmp(verb, "rekey") && volume_rekey(cli, count - 1, words + 1, &code))
		return code;
	if (!strcmp(verb, "copy"))
		return volume_copy(cli, count - 1, words + 1);
	if (!strcmp(verb, "list"))
		return volume_list(cli, count - 1, words + 1);
	if (!strcmp(verb, "stat"))
		return volume_stat(cli, count - 1, words + 1);
	if (!strcmp(verb, "create"))
		return volume_create(cli, count - 1, words + 1);
	if (!strcmp(verb, "upload"))
		return command_upload(cli, count - 1, words + 1);
	if (!strcmp(verb, "download"))
		return command_download(cli, count - 1, words + 1);
	if (!strcmp(verb, "drop"))
		return volume_drop(cli, count - 1, words + 1);
	for (size_t i = 0; i < ARRAY_COUNT(volume_verbs); i++) {
		if (!strcmp(verb, volume_verbs[i].name))
			return volume_verb(cli, i, count - 1, words + 1);
	}
	cli_die(CLI_USAGE, "use: volume list, volume upload FILE STORE/VOLUME, volume "
			   "stat|create|clone|snapshot|resize|rename|rekey|rollback|export|import|"
			   "copy|download|drop "
			   "STORE/VOLUME ...");
}

static void volume_quota_row(struct table *table, const json_t *quota)
{
	table_add(table, table_text(quota, "pattern"));
	table_add(table, table_bytes(json_object_get(quota, "bytes")));
	table_add(table, table_bytes(json_object_get(quota, "used_bytes")));
}

/* Shows a store's quotas, or replaces them with `quotas`. */
static enum cli_exit volume_quota(struct cli *cli, const char *store, const char *quotas)
{
	struct http_answer answer;
	char path[VOLUME_PATH_BYTES];
	struct table table;
	enum cli_exit code;
	json_t *rows, *row;
	size_t i;

	volume_path(path, store, "");
	if (quotas)
		return volume_change(cli, "PATCH", path,
				     volume_body_of("quota", strcmp(quotas, "none") ? quotas : ""),
				     store, "has other quotas");
	cli_connect(cli);
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	rows = json_object_get(answer.json, "quotas");
	if (cli->json) {
		output_json(rows);
	} else {
		table_begin(&table, "VOLUMES >QUOTA >USED");
		json_array_foreach(rows, i, row) volume_quota_row(&table, row);
		table_end(&table);
	}
	json_decref(answer.json);
	return CLI_OK;
}

/* The commands that take a STORE alone. */
static const struct {
	const char *name, *warning, *done;
} volume_store_verbs[] = {
	{"grow", NULL, "has the room by which its disk has grown"},
	{"scrub", NULL, "is being scrubbed"},
	{"take",
	 "The host that holds it must be off, or cut from the disk: what it still writes destroys "
	 "data.",
	 "being taken; `store list` shows how it ends"},
	{"format", "All that its disk holds is lost.", "formatted"},
};

static enum cli_exit volume_store_verb(struct cli *cli, size_t verb, const char *store)
{
	const char *name = volume_store_verbs[verb].name;
	const char *warning = volume_store_verbs[verb].warning;
	bool overwrite = cli->overwrite && !strcmp(name, "format");
	char path[VOLUME_PATH_BYTES], below[32];

	if (warning && !cli_confirm(cli, name, store, warning))
		return CLI_FAILED;
	snprintf(below, sizeof(below), "/actions/%s", name);
	volume_path(path, store, below);
	return volume_change(cli, "POST", path,
			     overwrite ? json_pack("{s:b}", "overwrite", true) : NULL, store,
			     volume_store_verbs[verb].done);
}

enum cli_exit command_store(struct cli *cli, int count, char **words)
{
	const char *verb = count > 0 ? words[0] : "";
	bool store = count > 1 && !strchr(words[1], '/');

	if (count == 1 && !strcmp(verb, "list")) {
		cli_connect(cli);
		return items_show(cli, "/v1/stores",
				  "NAME DISK STATE >SIZE >FREE >RESERVED >VOLUMES PROBLEM",
				  volume_store_row);
	}
	if (store && count <= 3 && !strcmp(verb, "quota"))
		return volume_quota(cli, words[1], count == 3 ? words[2] : NULL);
	for (size_t i = 0; store && count == 2 && i < ARRAY_COUNT(volume_store_verbs); i++) {
		if (!strcmp(verb, volume_store_verbs[i].name))
			return volume_store_verb(cli, i, words[1]);
	}
	cli_die(CLI_USAGE,
		"use: store list, store quota STORE [QUOTAS], store grow STORE, store scrub "
		"STORE, store take STORE, store format STORE [--overwrite]");
}
