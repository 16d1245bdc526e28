/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/*
 * A line for each request: time, client, method, host, path, status, bytes to the host and back,
 * and the reason of a failure. It has no query, header or body.
 */
struct log_entry {
	uint32_t client;
	const char *method, *host, *path; /* NULL: no valid request has come */
	int path_length;
	unsigned status;
	uint64_t up, down;
	const char *why; /* the reason of a failure; NULL: none */
};

/* Writes the line to stderr, at once; waits for whoever reads it. */
void log_entry(const struct log_entry *entry);
/*
 * Writes the line, but waits for nobody: for up to 50 ms, and that once a second. A later line says
 * how many were lost. For a process that serves more than one client.
 */
void log_entry_or_lose(const struct log_entry *entry);
