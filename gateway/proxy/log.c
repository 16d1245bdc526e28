/* SPDX-License-Identifier: MIT */
/*
 * Writes a line for each request. The process of the client's connection calls it, and the one that
 * answers questions of all clients; it needs no file but stderr.
 */
#include "gateway/proxy/log.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/proxy/range.h"

enum { LOG_LINE_BYTES = 2048, LOG_PATH_BYTES = 256, LOG_WAIT_MS = 50, LOG_PAUSE_MS = 1000 };

/* A single write keeps lines of different processes apart. */
static void log_write(const char *line, size_t count)
{
	if (write(STDERR_FILENO, line, count) < 0)
		return;
}

/* Writes the line into LOG_LINE_BYTES. Returns its length, or 0 if that fails. */
static size_t log_line(char *line, const struct log_entry *entry)
{
	enum { LENGTH = LOG_LINE_BYTES };
	char client[RANGE_TEXT];
	int path = entry->path_length > LOG_PATH_BYTES ? LOG_PATH_BYTES : entry->path_length;
	struct timespec now;
	struct tm parts;
	size_t at;
	int more;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	at = strftime(line, LENGTH, "%Y-%m-%dT%H:%M:%SZ", &parts);
	range_text(client, entry->client);
	more = snprintf(line + at, LENGTH - at, " %s %s %s %.*s %u up %llu down %llu%s%s\n", client,
			entry->method ? entry->method : "-", entry->host ? entry->host : "-",
			entry->path ? path : 1, entry->path ? entry->path : "-", entry->status,
			(unsigned long long)entry->up, (unsigned long long)entry->down,
			entry->why ? ": " : "", entry->why ? entry->why : "");
	if (more < 0)
		return 0;
	at += (size_t)more;
	if (at >= LENGTH) {
		at = LENGTH;
		line[at - 1] = '\n';
	}
	return at;
}

void log_entry(const struct log_entry *entry)
{
	char line[LOG_LINE_BYTES];

	log_write(line, log_line(line, entry));
}

/* Returns whether stderr takes a line now. It waits for that a little, and seldom. */
static bool log_takes(void)
{
	struct pollfd wait = {STDERR_FILENO, POLLOUT, 0};
	static int64_t waited_ms;
	int64_t now_ms;

	if (poll(&wait, 1, 0) == 1)
		return true;
	now_ms = clock_ms();
	if (now_ms - waited_ms < LOG_PAUSE_MS)
		return false;
	waited_ms = now_ms;
	return poll(&wait, 1, LOG_WAIT_MS) == 1;
}

void log_entry_or_lose(const struct log_entry *entry)
{
	static unsigned long lost;
	char line[LOG_LINE_BYTES];
	int count;

	if (!log_takes()) {
		lost++;
		return;
	}
	if (lost) {
		count = snprintf(line, sizeof(line),
				 "skerry-proxy: %lu lines about names were lost here, as the log "
				 "was not read\n",
				 lost);
		log_write(line, (size_t)count);
		lost = 0;
	}
	log_entry(entry);
}
