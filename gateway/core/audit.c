/* SPDX-License-Identifier: MIT */
#include "gateway/core/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/buffer.h"
#include "gateway/core/machine.h"
#include "gateway/core/state.h"
#include "gateway/link/link.h"

enum { AUDIT_HASH = 65, AUDIT_KEPT = 1000, AUDIT_FILE_BYTES = 256 << 20 };

struct audit_item {
	uint64_t line;
	json_t *object;
	char hash[AUDIT_HASH];
};

static struct {
	int fd;
	bool broken;
	uint64_t lines;
	char head[AUDIT_HASH], anchored[AUDIT_HASH], sent[AUDIT_HASH];
	struct audit_item kept[AUDIT_KEPT]; /* begun lines, by count % AUDIT_KEPT */
	uint64_t kept_count;
} audit = {.fd = -1};

static void audit_hash(const char *line, size_t count, char *hash)
{
	uint8_t bytes[32] = {0};

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, line, count, bytes) < 0)
		abort();
	hex_write(hash, bytes, sizeof(bytes));
}

static struct audit_item *audit_find(uint64_t line)
{
	for (size_t i = 0; i < AUDIT_KEPT; i++) {
		if (audit.kept[i].object && audit.kept[i].line == line)
			return &audit.kept[i];
	}
	return NULL;
}

/* For the list: a result is shown with what it is the result of. */
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
	snprintf(item->hash, sizeof(item->hash), "%s", hash);
}

/* Calls `take` for each line of a chain that holds; returns their number or -1. */
static long audit_walk(const char *text, size_t count, char *head, size_t *good,
		       void (*take)(json_t *object, uint64_t line, const char *hash))
{
	long lines = 0;

	memset(head, '0', AUDIT_HASH - 1);
	head[AUDIT_HASH - 1] = 0;
	*good = 0;
	while (count) {
		const char *end = memchr(text, '\n', count);
		size_t length = end ? (size_t)(end - text) : count;
		json_t *object = end ? json_loadb(text, length, 0, NULL) : NULL;
		const char *prev = json_string_value(json_object_get(object, "prev"));

		if (!end)
			return lines;
		lines++;
		if (!prev || strcmp(prev, head) ||
		    json_integer_value(json_object_get(object, "n")) != lines) {
			fprintf(stderr, "skerryd: the audit's chain is broken at line %ld\n",
				lines);
			json_decref(object);
			return -1;
		}
		audit_hash(text, length, head);
		if (take)
			take(object, (uint64_t)lines, head);
		json_decref(object);
		text += length + 1;
		count -= length + 1;
		*good += length + 1;
	}
	return lines;
}

long audit_verify(const char *text, size_t count, char *head)
{
	size_t good;

	return audit_walk(text, count, head, &good, NULL);
}

/* What power loss has left of a last line was never acted upon: it is cut off. */
static bool audit_load(void)
{
	struct buffer buffer = {.limit = AUDIT_FILE_BYTES};
	char bytes[65536];
	ssize_t count;
	size_t good;
	long lines;

	while ((count = read(audit.fd, bytes, sizeof(bytes))) > 0)
		buffer_add(&buffer, bytes, (size_t)count);
	lines = count < 0 || buffer.failed
			? -1
			: audit_walk(buffer.bytes, buffer.count, audit.head, &good, audit_keep);
	if (lines >= 0 && good != buffer.count &&
	    (ftruncate(audit.fd, (off_t)good) < 0 || lseek(audit.fd, 0, SEEK_END) < 0))
		lines = -1;
	buffer_free(&buffer);
	audit.lines = lines < 0 ? 0 : (uint64_t)lines;
	return lines >= 0;
}

bool audit_open(void)
{
	audit.fd = openat(state_folder(), "audit.jsonl",
			  O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	audit.broken = audit.fd < 0 || !audit_load();
	if (audit.broken)
		fprintf(stderr, "skerryd: the audit cannot be used; changes are refused\n");
	return !audit.broken;
}

bool audit_works(void)
{
	return !audit.broken;
}

/* Appends one line, on the disk before this returns; takes `object`. */
static uint64_t audit_write(json_t *object)
{
	char *text;
	size_t count;
	off_t before = audit.fd < 0 ? -1 : lseek(audit.fd, 0, SEEK_END);
	char stamp[40];
	struct tm utc;
	time_t now = time(NULL);

	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &utc);
	json_object_set_new(object, "n", json_integer((json_int_t)audit.lines + 1));
	json_object_set_new(object, "time", json_string(stamp));
	json_object_set_new(object, "prev", json_string(audit.head));
	text = json_dumps(object, JSON_COMPACT);
	if (!text || audit.broken || before < 0) {
		free(text);
		json_decref(object);
		return 0;
	}
	count = strlen(text);
	text[count] = '\n';
	if (write(audit.fd, text, count + 1) != (ssize_t)(count + 1) || fdatasync(audit.fd) < 0) {
		fprintf(stderr, "skerryd: the audit cannot be written: %s\n", strerror(errno));
		/* No half line may stay; if even that fails, nothing may follow it. */
		audit.broken = ftruncate(audit.fd, before) < 0;
		free(text);
		json_decref(object);
		return 0;
	}
	audit_hash(text, count, audit.head);
	audit_keep(object, ++audit.lines, audit.head);
	free(text);
	json_decref(object);
	return audit.lines;
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

	if (!audit.lines || !machine.up || !strcmp(audit.head, audit.anchored))
		return;
	memcpy(audit.sent, audit.head, sizeof(audit.sent));
	link_ask(link_command("audit anchor", words, "skerryd"), audit_took_anchor, 0);
}

json_t *audit_json(const struct identity *who, uint64_t after, unsigned limit)
{
	json_t *items = json_array();
	uint64_t first = audit.kept_count > AUDIT_KEPT ? audit.kept_count - AUDIT_KEPT : 0;
	bool all = !strcmp(who->scope, "*");

	for (uint64_t i = audit.kept_count; i-- > first && json_array_size(items) < limit;) {
		const struct audit_item *item = &audit.kept[i % AUDIT_KEPT];
		const char *target = json_string_value(json_object_get(item->object, "target"));
		char number[24];
		json_t *shown;

		if (item->line <= after)
			break;
		if (!all && (!target || !*target || !scope_has(who->scope, target)))
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
			 !audit.broken);
}
