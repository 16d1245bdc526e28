/* SPDX-License-Identifier: MIT */
/*
 * Calls of envd's about files: reads, writes, lists, makes, moves and removes them. The way of a
 * request calls it; it says what core is asked, and makes E2B's entries of the answers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/web/e2b/e2b.h"

void e2b_read(struct e2b *e2b)
{
	e2b_ask(e2b, "GET", NULL, "/v1/sandboxes/%s/content", e2b->box);
	e2b->with_file = e2b->bytes = true;
}

void e2b_write(struct e2b *e2b)
{
	e2b_ask(e2b, "PUT", NULL, "/v1/sandboxes/%s/content", e2b->box);
	e2b->with_file = true;
}

static const char *e2b_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void e2b_written(struct e2b *e2b, json_t *answer)
{
	(void)answer;
	e2b_answer(e2b, 200,
		   json_pack("[{s:s, s:s, s:s}]", "name", e2b_name(e2b->file), "type", "file",
			     "path", e2b->file));
}

static json_t *e2b_entry(json_t *item)
{
	static const char letters[] = "rwxrwxrwx";
	const char *type = e2b_text(item, "type"), *path = e2b_text(item, "path");
	const char *target = json_string_value(json_object_get(item, "target"));
	json_int_t mode = json_integer_value(json_object_get(item, "mode"));
	time_t at = (time_t)json_integer_value(json_object_get(item, "modified"));
	char rights[11] = "-", size[24], owner[24] = "root", group[24] = "root", when[40] = "";
	struct tm parts;

	rights[0] = !strcmp(type, "folder") ? 'd' : !strcmp(type, "link") ? 'l' : '-';
	for (int i = 0; i < 9; i++)
		rights[1 + i] = mode >> (8 - i) & 1 ? letters[i] : '-';
	rights[10] = 0;
	snprintf(size, sizeof(size), "%" JSON_INTEGER_FORMAT,
		 json_integer_value(json_object_get(item, "bytes")));
	if (json_integer_value(json_object_get(item, "user")))
		snprintf(owner, sizeof(owner), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(item, "user")));
	if (json_integer_value(json_object_get(item, "group")))
		snprintf(group, sizeof(group), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(item, "group")));
	/* Years that RFC 3339 has: what a guest says may be any. */
	if (at >= 0 && at < 253402300800 && gmtime_r(&at, &parts))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s*, s:s*}", "name",
			 e2b_name(path), "type",
			 !strcmp(type, "folder") ? "FILE_TYPE_DIRECTORY"
			 : !strcmp(type, "link") ? "FILE_TYPE_SYMLINK"
						 : "FILE_TYPE_FILE",
			 "path", path, "size", size, "mode", mode, "permissions", rights, "owner",
			 owner, "group", group, "modifiedTime", *when ? when : NULL,
			 "symlinkTarget", target);
}

void e2b_files(struct e2b *e2b)
{
	static const struct {
		const char *call, *action;
	} calls[] = {{"ListDir", "list"},
		     {"MakeDir", "make"},
		     {"Remove", "remove"},
		     {"Move", "move"},
		     {"Stat", "stat"}};
	const char *call = strrchr(e2b->row->path, '/') + 1, *action = "";
	bool moves = !strcmp(call, "Move");
	json_int_t depth = json_integer_value(json_object_get(e2b->body, "depth"));

	for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
		action = strcmp(calls[i].call, call) ? action : calls[i].action;
	e2b_ask(e2b, "POST",
		json_pack("{s:s, s:s, s:s*, s:s*, s:I}", "action", action, "path",
			  e2b_text(e2b->body, moves ? "source" : "path"), "to",
			  moves ? e2b_text(e2b->body, "destination") : NULL, "user",
			  *e2b->user ? e2b->user : NULL, "depth", depth ? depth : 1),
		"/v1/sandboxes/%s/files", e2b->box);
}

void e2b_filed(struct e2b *e2b, json_t *answer)
{
	const char *call = strrchr(e2b->row->path, '/') + 1;
	json_t *items = json_object_get(answer, "items"), *list, *item;
	size_t index;

	if (!strcmp(call, "Remove")) {
		e2b_answer(e2b, 200, json_object());
		return;
	}
	if (strcmp(call, "ListDir") != 0) {
		item = json_array_get(items, 0);
		if (item)
			e2b_answer(e2b, 200, json_pack("{s:o}", "entry", e2b_entry(item)));
		return;
	}
	list = json_array();
	json_array_foreach(items, index, item) json_array_append_new(list, e2b_entry(item));
	e2b_answer(e2b, 200, json_pack("{s:o}", "entries", list));
}
