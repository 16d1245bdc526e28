/* SPDX-License-Identifier: MIT */
/*
 * Writes a line for each request. The process of the client's connection calls it; it needs no file
 * but stderr.
 */
#include "gateway/proxy/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "gateway/proxy/range.h"

enum { LOG_LINE_BYTES = 2048, LOG_PATH_BYTES = 256 };

void log_entry(const struct log_entry *entry)
{
	char line[LOG_LINE_BYTES], client[RANGE_TEXT];
	int path = entry->path_length > LOG_PATH_BYTES ? LOG_PATH_BYTES : entry->path_length;
	struct timespec now;
	struct tm parts;
	size_t at;
	int more;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	at = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ", &parts);
	range_text(client, entry->client);
	more = snprintf(line + at, sizeof(line) - at, " %s %s %s %.*s %u up %llu down %llu%s%s\n",
			client, entry->method ? entry->method : "-",
			entry->host ? entry->host : "-", entry->path ? path : 1,
			entry->path ? entry->path : "-", entry->status,
			(unsigned long long)entry->up, (unsigned long long)entry->down,
			entry->why ? ": " : "", entry->why ? entry->why : "");
	if (more < 0)
		return;
	at += (size_t)more;
	if (at >= sizeof(line)) {
		at = sizeof(line);
		line[at - 1] = '\n';
	}
	/* A single write keeps lines of different processes apart. */
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}
