/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"

/*
 * Writes to the kernel's log: fixed-size binary entries in a ring per CPU, from which the reader in
 * ring 3 makes the text. Writing takes no lock and never waits. Arguments are at most LOG_ARGUMENTS
 * integers, each kept as 64 bits; the format must be a literal and is stored as its offset in
 * section .logfmt. %#u is an exit reason, for which the reader has a name.
 */
#define log_at(level, category, text, ...)                                                         \
	do {                                                                                       \
		static const char log_text[] SECTION(".logfmt") = text;                            \
		const u64 log_arguments[] = {0, ##__VA_ARGS__};                                    \
		_Static_assert(ARRAY_COUNT(log_arguments) <= 1 + LOG_ARGUMENTS, "too many");       \
		if ((level) >= log_threshold[category])                                            \
			log_write(level, category, log_text, log_arguments + 1,                    \
				  (unsigned int)ARRAY_COUNT(log_arguments) - 1);                   \
	} while (0)

#define log_debug(category, ...)   log_at(LOG_DEBUG, category, __VA_ARGS__)
#define log_info(category, ...)	   log_at(LOG_INFO, category, __VA_ARGS__)
#define log_warning(category, ...) log_at(LOG_WARNING, category, __VA_ARGS__)
#define log_error(category, ...)   log_at(LOG_ERROR, category, __VA_ARGS__)

/* The lowest level (enum log_level) at which entries are kept, by category (SYS_LOG_LEVEL). */
extern u8 log_threshold[LOG_CATEGORY_COUNT];

/* Writes an entry to the running CPU's ring; only the macros above call it. */
void log_write(enum log_level level, enum log_category category, const char *text,
	       const u64 *arguments, unsigned int count);
