/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/*
 * A line for each request: when, who, method, host, path, status, bytes to the host and back, why
 * not. No query, no header and no body is in it.
 */
struct log_entry {
	uint32_t client;
	const char *method, *host, *path; /* NULL: it was no request */
	int path_length;
	unsigned status;
	uint64_t up, down;
	const char *why; /* NULL: all went well */
};

/* Writes the line to stderr, at once. */
void log_entry(const struct log_entry *entry);
