/* SPDX-License-Identifier: MIT */
/*
 * The audit: one line before each change and one with its result, each on the disk before the
 * request continues. The records of requests, operations and core's main function call it; it
 * writes audit.jsonl, and gives the last hash to Skerry.
 */

#include "gateway/core/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/string.h"
#include "gateway/core/audit/audit_chain.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/common/state.h"
#include "gateway/core/host/host.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/scope.h"
#include "gateway/link/link.h"

enum { AUDIT_KEPT = 1000, AUDIT_AGAIN_S = 5 };

struct audit_item {
	uint64_t line;
	json_t *object;
	char hash[AUDIT_HASH];
};

static struct {
	int fd;
	bool broken;
	bool failing;	 /* the last line could not be written to the audit */
	uint64_t missed; /* number of lines that could not be written and are missing */
	double again_s;	 /* when the next attempt to write is due, by clock_now_s() */
	uint64_t lines;
	uint64_t first; /* the number of the first line in the current file */
	char head[AUDIT_HASH], anchored[AUDIT_HASH], sent[AUDIT_HASH];
	struct audit_item kept[AUDIT_KEPT]; /* the newest lines, each with its result */
	uint64_t kept_count;
	unsigned rotations; /* how often a file was renamed or removed */
} audit = {.fd = -1};

static void audit_end_begun(void);

static struct audit_item *audit_find(uint64_t line)
{
	for (size_t i = 0; i < AUDIT_KEPT; i++) {
		if (audit.kept[i].object && audit.kept[i].line == line)
			return &audit.kept[i];
	}
	return NULL;
}

/*
 * Keeps a line for audit_json(); a line with an action's result changes the kept line of that
 * action.
 */
static void audit_keep(json_t *object, uint64_t line, const char *hash)
{
	uint64_t of = (uint64_t)json_integer_value(json_object_get(object, "of"));
	struct audit_item *item = of ? audit_find(of) : NULL;

	if (of) {
		if (item)
			json_object_set(item->object, "result", json_object_get(object, "result"));
		return;
	}
	item = &audit.kept[audit.kept_count++ % AUDIT_KEPT];
	json_decref(item->object);
	item->object = json_copy(object);
	item->line = line;
	string_copy(item->hash, sizeof(item->hash), hash);
}

/*
 * Reads the audit file and the newest full file, whose chain the audit file continues. Cuts off an
 * incomplete last line, which a loss of power leaves: the action of that line was never done.
 */
static bool audit_load(void)
{
	struct audit_chain chain;
	char name[AUDIT_NAME_BYTES];
	size_t good, size;

	audit_chain_start(&chain);
	if (audit_chain_newest(name) &&
	    (!audit_chain_file(&chain, name, &good, &size, audit_keep) || good != size))
		return false;
	audit.first = chain.last + 1;
	if (!audit_chain_file(&chain, AUDIT_FILE, &good, &size, audit_keep))
		return false;
	if (chain.first > audit.first)
		audit.first = chain.first;
	if (good != size &&
	    (ftruncate(audit.fd, (off_t)good) < 0 || lseek(audit.fd, 0, SEEK_END) < 0))
		return false;
	audit.lines = chain.last;
	memcpy(audit.head, chain.head, sizeof(audit.head));
	return true;
}

static int audit_create(const char *name, int flags)
{
	return openat(state_folder(), name,
		      O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

bool audit_open(void)
{
	memset(audit.head, '0', AUDIT_HASH - 1);
	audit.fd = audit_create(AUDIT_FILE, 0);
	audit.broken = audit.fd < 0 || !audit_load();
	if (audit.broken)
		fprintf(stderr, "skerryd: the audit cannot be used; changes are refused\n");
	else
		audit_end_begun();
	return !audit.broken;
}

/*
 * Begins a new file when the present one is full. If that fails, the next lines still go into the
 * full file.
 */
static void audit_rotate(void)
{
	static const char next[] = ".audit.new";
	int folder = state_folder(), fd;
	char full[AUDIT_NAME_BYTES];

	audit_chain_name(full, audit.first);
	unlinkat(folder, next, 0);
	fd = audit_create(next, O_EXCL);
	if (fd < 0)
		return;
	/* A file that already has that name is evidence, so it is not overwritten. */
	if (renameat2(folder, AUDIT_FILE, folder, full, RENAME_NOREPLACE) < 0) {
		fprintf(stderr, "skerryd: %s: %s\n", full, strerror(errno));
	} else if (renameat(folder, next, folder, AUDIT_FILE) == 0) {
		audit.rotations++;
		fsync(folder);
		close(audit.fd);
		audit.fd = fd;
		audit.first = audit.lines + 1;
		while (settings.audit_files && audit_chain_drop(settings.audit_files))
			;
		return;
	} else {
		renameat(folder, full, folder, AUDIT_FILE);
	}
	unlinkat(folder, next, 0);
	close(fd);
}

unsigned audit_rotations(void)
{
	return audit.rotations;
}

uint64_t audit_head(char head[AUDIT_HASH])
{
	memcpy(head, audit.head, AUDIT_HASH);
	return audit.lines;
}

bool audit_works(void)
{
	return !audit.broken && !audit.failing;
}

/*
 * Writes a line. Removes a partly written line after a failure; if the removal fails too, no more
 * lines are written.
 */
static bool audit_put(const char *text, size_t count, off_t before)
{
	ssize_t written = write(audit.fd, text, count);
	int error;

	if (written == (ssize_t)count && fdatasync(audit.fd) == 0)
		return true;
	/* The disk had no room for the whole line if only a part was written. */
	error = written > 0 && written < (ssize_t)count ? ENOSPC : errno;
	if (!audit.failing)
		fprintf(stderr, "skerryd: the audit cannot be written: %s\n", strerror(error));
	audit.broken = ftruncate(audit.fd, before) < 0;
	errno = error;
	return false;
}

/*
 * Appends a line. If the disk is full, the oldest of the full audit files is removed to make room.
 */
static bool audit_append(const char *text, size_t count)
{
	off_t before = lseek(audit.fd, 0, SEEK_END);

	while (before >= 0 && !audit_put(text, count, before)) {
		if (audit.broken || errno != ENOSPC || !audit_chain_drop(0))
			return false;
		audit.rotations++;
	}
	return before >= 0;
}

/*
 * Appends one line to the audit, which is on the disk before this returns; takes over the reference
 * to `object`.
 */
static uint64_t audit_write(json_t *object)
{
	char *text;
	size_t count;
	char stamp[40];
	struct tm utc;
	time_t now = time(NULL);

	if (!audit.broken && lseek(audit.fd, 0, SEEK_END) >= (off_t)settings.audit_kib << 10)
		audit_rotate();
	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
	json_object_set_new(object, "n", json_integer((json_int_t)audit.lines + 1));
	json_object_set_new(object, "time", json_string(stamp));
	json_object_set_new(object, "prev", json_string(audit.head));
	text = json_dumps(object, JSON_COMPACT);
	count = text ? strlen(text) : 0;
	if (text)
		text[count] = '\n';
	audit.failing = !text || audit.broken || !audit_append(text, count + 1);
	if (!audit.failing) {
		audit_hash(text, count, audit.head);
		audit_keep(object, ++audit.lines, audit.head);
	} else {
		audit.missed++;
	}
	free(text);
	json_decref(object);
	return audit.failing ? 0 : audit.lines;
}

uint64_t audit_begin(const char *who, const char *action, const char *target, const char *from,
		     const char *result)
{
	return audit_write(json_pack("{s:s, s:s, s:s, s:s, s:s}", "who", who, "action", action,
				     "target", target, "from", from, "result",
				     result ? result : "begun"));
}

void audit_end(uint64_t line, const char *result)
{
	if (line)
		audit_write(json_pack("{s:I, s:s}", "of", (json_int_t)line, "result",
				      result ? result : "failed"));
}

bool audit_count(const char *action, uint64_t count)
{
	return audit_write(json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "who", "skerryd", "action",
				     action, "target", "", "from", "", "result", "counted", "count",
				     (json_int_t)count)) != 0;
}

/*
 * Writes a result for each kept line that says that an action has begun. An earlier process began
 * these actions and ended, for example because the action reset its VM; their results are unknown.
 */
static void audit_end_begun(void)
{
	for (size_t i = 0; i < AUDIT_KEPT; i++) {
		const char *result =
			json_string_value(json_object_get(audit.kept[i].object, "result"));

		if (result && !strcmp(result, "begun"))
			audit_end(audit.kept[i].line, "gateway-ended");
	}
}

void audit_tick(void)
{
	double now_s = clock_now_s();
	uint64_t missed = audit.missed;

	if (!audit.broken && missed && now_s >= audit.again_s) {
		audit.again_s = now_s + AUDIT_AGAIN_S;
		audit.missed = audit_count("audit.missed", missed) ? 0 : missed;
	}
}

void audit_close(void)
{
	if (!audit.broken)
		audit_end_begun();
}

static void audit_took_anchor(uint64_t unused, json_t *reply)
{
	const char *status = json_string_value(json_object_get(reply, "status"));

	(void)unused;
	if (status && !strcmp(status, "ok"))
		memcpy(audit.anchored, audit.sent, sizeof(audit.anchored));
}

void audit_anchor(void)
{
	const char *words[] = {audit.sent, NULL};

	if (!audit.lines || !host.up || !strcmp(audit.head, audit.anchored))
		return;
	memcpy(audit.sent, audit.head, sizeof(audit.sent));
	link_ask(link_command("audit anchor", words, "skerryd"), audit_took_anchor, 0);
}

/*
 * Returns whether an asker who sees some VMs alone sees the line: it is about one of them. The name
 * of a disk or store may be like a VM's, so the action counts, too.
 */
static bool audit_is_seen(const struct identity *who, const json_t *line)
{
	static const char *const others[] = {"disk.", "host.", "store.", "volume."};
	const char *target = json_string_value(json_object_get(line, "target"));
	const char *action = json_string_value(json_object_get(line, "action"));

	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		if (action && !strncmp(action, others[i], strlen(others[i])))
			return false;
	}
	return target && *target && scope_has(who->scope, target);
}

json_t *audit_json(const struct identity *who, uint64_t after, unsigned limit)
{
	json_t *items = json_array();
	uint64_t first = audit.kept_count > AUDIT_KEPT ? audit.kept_count - AUDIT_KEPT : 0;
	bool all = !strcmp(who->scope, "*");

	for (uint64_t i = audit.kept_count; i-- > first && json_array_size(items) < limit;) {
		const struct audit_item *item = &audit.kept[i % AUDIT_KEPT];
		char number[24];
		json_t *shown;

		if (item->line <= after)
			break;
		if (!all && !audit_is_seen(who, item->object))
			continue;
		snprintf(number, sizeof(number), "%llu", (unsigned long long)item->line);
		shown = json_copy(item->object);
		json_object_del(shown, "prev");
		json_object_set_new(shown, "n", json_string(number));
		json_object_set_new(shown, "hash", json_string(item->hash));
		json_array_insert_new(items, 0, shown);
	}
	return json_pack("{s:o, s:s, s:o, s:b}", "items", items, "head", audit.head, "anchored",
			 *audit.anchored ? json_string(audit.anchored) : json_null(), "works",
			 audit_works());
}
