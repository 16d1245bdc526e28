/* SPDX-License-Identifier: MIT */
/*
 * skerryctl create: makes a VM from an image and starts it. The image is a file, which is uploaded
 * into a new volume, or a volume; the VM gets a clone of that, or the volume itself if it has the
 * VM's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/cli/cli.h"
#include "gateway/cli/escape.h"
#include "gateway/cli/file.h"
#include "gateway/cli/output.h"
#include "gateway/cli/state.h"
#include "gateway/cli/table.h"
#include "gateway/cli/volume.h"

enum { CREATE_TEXT_BYTES = 12288 /* the longest text for cloud-init that skerryd takes */ };

/*
 * Returns the text of a file for cloud-init. Ends the program, before anything is made, if
 * cloud-init could not read the file.
 */
static const char *create_read_text(const char *path)
{
	static char text[CREATE_TEXT_BYTES + 2];
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = file_read(file, text, CREATE_TEXT_BYTES + 1);
	json_t *as_json;

	if (count < 0)
		cli_die(CLI_FAILED, "%s: %s", path, strerror(errno));
	close(file);
	if (count == 0)
		cli_die(CLI_FAILED, "%s: the file is empty: cloud-init would do nothing", path);
	if (count > CREATE_TEXT_BYTES)
		cli_die(CLI_FAILED, "%s: the text is too long: cloud-init's has at most %d bytes",
			path, CREATE_TEXT_BYTES);
	if (memchr(text, 0, (size_t)count))
		cli_die(CLI_FAILED, "%s: there is a byte 0: cloud-init reads text", path);
	as_json = json_stringn(text, (size_t)count);
	if (!as_json)
		cli_die(CLI_FAILED, "%s: this is not UTF-8, which cloud-init reads", path);
	json_decref(as_json);
	return text;
}

/* Writes the name of the host's only store; ends the program if there are none or several. */
static enum cli_exit create_find_store(struct cli *cli, char *name, size_t size)
{
	struct http_answer answer;
	enum cli_exit code = cli_ask(cli, "GET", "/v1/stores", NULL, NULL, &answer);
	const json_t *items;

	if (code != CLI_OK)
		return code;
	items = json_object_get(answer.json, "items");
	if (json_array_size(items) == 0)
		cli_die(CLI_FAILED, "the host has no store for volumes: its configuration needs a "
				    "section [store NAME]");
	if (json_array_size(items) > 1)
		cli_die(CLI_USAGE, "the host has several stores: say which, --store NAME");
	snprintf(name, size, "%s", table_text(json_array_get(items, 0), "name"));
	json_decref(answer.json);
	return CLI_OK;
}

/* Sends skerryd a request that changes a volume. Frees the body. */
static enum cli_exit create_change(struct cli *cli, const char *method, const char *volume,
				   const char *below, json_t *body)
{
	char path[VOLUME_PATH_BYTES];
	struct http_answer answer;
	enum cli_exit code;

	volume_path(path, volume, below);
	code = cli_change(cli, method, path, NULL, body, volume, "change", &answer);
	json_decref(body);
	if (code == CLI_OK)
		json_decref(answer.json);
	return code;
}

/*
 * Makes the volume `disk` a clone of the volume `image`, which is in the same store, or takes the
 * volume itself if it has the VM's name.
 */
static enum cli_exit create_clone(struct cli *cli, const char *image, const char *disk)
{
	enum cli_exit code = CLI_OK;

	if (strcmp(image, disk) != 0)
		code = create_change(cli, "POST", image, "/clones",
				     json_pack("{s:s}", "name", strchr(disk, '/') + 1));
	if (code == CLI_OK && cli->size)
		code = create_change(cli, "PATCH", disk, "",
				     json_pack("{s:I}", "bytes", state_size_of(cli->size)));
	return code;
}

/* Makes the VM's disk of the image, and writes its name STORE/VOLUME. */
static enum cli_exit create_disk(struct cli *cli, const char *name, char *disk, size_t size)
{
	const char *stroke = strchr(cli->image, '/');
	enum cli_exit code = CLI_OK;
	char store[200] = "";
	struct stat status;
	char *words[] = {(char *)(uintptr_t)cli->image, disk, (char *)(uintptr_t)cli->size};
	bool is_file = stat(cli->image, &status) == 0;

	if (!is_file && !stroke)
		cli_die(CLI_FAILED, "%s: %s; a volume is named STORE/VOLUME", cli->image,
			strerror(errno));
	if (is_file && !S_ISREG(status.st_mode))
		cli_die(CLI_FAILED, "%s: this is no file with an image", cli->image);
	if (!is_file)
		snprintf(store, sizeof(store), "%.*s", (int)(stroke - cli->image), cli->image);
	else if (cli->store)
		snprintf(store, sizeof(store), "%s", cli->store);
	else
		code = create_find_store(cli, store, sizeof(store));
	if (code != CLI_OK)
		return code;
	snprintf(disk, size, "%s/%s", store, name);
	return is_file ? content_upload_file(cli, cli->size ? 3 : 2, words)
		       : create_clone(cli, cli->image, disk);
}

/* Sets boot and firmware in `config` to a file of the host, unless the user has chosen one. */
static enum cli_exit create_choose_firmware(struct cli *cli, json_t *config)
{
	static const char *const kinds[] = {"bios", "uefi"};
	const char *boot = json_string_value(json_object_get(config, "boot"));
	struct http_answer answer;
	const char *found = NULL;
	enum cli_exit code;
	json_t *file;
	size_t each;

	if (json_object_get(config, "firmware"))
		return CLI_OK;
	code = cli_ask(cli, "GET", "/v1/files", NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	for (size_t i = 0; i < ARRAY_COUNT(kinds) && !found; i++) {
		if (boot && strcmp(boot, kinds[i]) != 0)
			continue;
		json_array_foreach(json_object_get(answer.json, "items"), each, file)
		{
			if (found || strcmp(table_text(file, "uses"), kinds[i]) != 0)
				continue;
			found = kinds[i];
			json_object_set_new(config, "boot", json_string(found));
			json_object_set(config, "firmware", json_object_get(file, "name"));
		}
	}
	json_decref(answer.json);
	if (!found)
		cli_die(CLI_FAILED,
			"the host was booted without %s: put SeaBIOS or OVMF into its "
			"bundle",
			boot ? "firmware of that kind" : "firmware");
	return CLI_OK;
}

static enum cli_exit create_vm(struct cli *cli, const char *name, const char *text, json_t *config)
{
	json_t *body =
		json_pack("{s:s, s:O, s:s*}", "name", name, "config", config, "user_data", text);
	struct http_answer answer;
	char path[600];
	enum cli_exit code;

	code = cli_change(cli, "POST", "/v1/vms", NULL, body, name, "create", &answer);
	json_decref(body);
	if (code != CLI_OK)
		return code;
	json_decref(answer.json);
	snprintf(path, sizeof(path), "/v1/vms/%s/actions/start", http_segment(name));
	code = cli_change(cli, "POST", path, NULL, NULL, name, "start", &answer);
	if (code == CLI_OK)
		output_done(cli, &answer, name, "created and started");
	return code;
}

enum cli_exit command_create(struct cli *cli, int count, char **words)
{
	const char *text = NULL;
	enum cli_exit code;
	char disk[420];
	json_t *config;

	if (count < 1 || !cli->image || strchr(words[0], '/'))
		cli_die(CLI_USAGE, "use: create NAME --image FILE|STORE/VOLUME [--cloud-init FILE] "
				   "[--net NET] [--size SIZE] [--store STORE] [KEY=VALUE...]");
	config = vm_config_of(count - 1, words + 1, false);
	if (cli->cloud_init)
		text = create_read_text(cli->cloud_init);
	cli_connect(cli);
	code = create_choose_firmware(cli, config);
	if (code == CLI_OK)
		code = create_disk(cli, words[0], disk, sizeof(disk));
	if (code == CLI_OK) {
		json_object_set_new(config, "disk", json_string(disk));
		if (!json_object_get(config, "memory"))
			json_object_set_new(config, "memory", json_string("512M"));
		if (cli->net)
			json_object_set_new(config, "net", json_string(cli->net));
		code = create_vm(cli, words[0], text, config);
		if (code != CLI_OK)
			cli_say("its disk is made: go on with --image %s", disk);
	}
	json_decref(config);
	return code;
}
