/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/log/log_store.h"

#define LOG_LINE_TEXT_BYTES 512u
#define LOG_LINE_JSON_BYTES 1024u

/*
 * Sets the Unix time in nanoseconds at which a line's time is 0; 0, as before the call: not known.
 */
void log_text_start(u64 unix_ns);

/* Optional parts of a line of text. */
enum log_text_with {
	LOG_WITH_WALL = 1 << 0,	 /* date and time, if the start time is known */
	LOG_WITH_CHAIN = 1 << 1, /* the hash of the line, if the line has one */
};

/*
 * Writes "[    1.234567] 0 info    boot    alpha: text
 * ", with both additions "[    1.234567 2026-11-23T11:27:45Z] 0 info ... text chain=9f86...
 * "; returns the length.
 */
size_t log_line_text(const struct log_line *line, u32 with, char *buffer, size_t size);
/* Writes one JSON object without a newline; returns its length, or 0 if the buffer is too small. */
size_t log_line_json(const struct log_line *line, char *buffer, size_t size);
