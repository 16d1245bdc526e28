/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/log/log_store.h"

#define LOG_LINE_TEXT_BYTES 512u
#define LOG_LINE_JSON_BYTES 1024u

/* Unix time in nanoseconds at which a line's time is 0; 0, as before the call: not known. */
void log_text_start(u64 unix_ns);

/*
 * "[    1.234567] 0 info    boot    alpha: text\n", with `wall` and a known start
 * "[    1.234567 2026-11-23T11:27:45Z] 0 info ..."; returns the length.
 */
size_t log_line_text(const struct log_line *line, bool wall, char *buffer, size_t size);
/* One JSON object without the newline; 0 when the buffer is too small. */
size_t log_line_json(const struct log_line *line, char *buffer, size_t size);
