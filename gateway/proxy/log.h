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

/* Writes the line to stderr, at once. */
void log_entry(const struct log_entry *entry);
