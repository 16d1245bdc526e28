/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"

/* A line cut into words: quotes keep spaces, and within them a backslash keeps the next byte. */
struct words {
	u32 count;
	const char *word[COMMAND_WORDS_MAX + 2];
	const char *problem; /* a sentence about the line's mistake; NULL: it has none */
	char bytes[LINE_MAX + COMMAND_WORDS_MAX + 3];
};

/* Cuts a command line of at most LINE_MAX characters into words. */
void words_split(struct words *words, const char *line);

/* Joins words so that words_split gives them back; returns false if they do not fit. */
bool words_join(char *line, size_t size, const char *const *words, u32 count);
