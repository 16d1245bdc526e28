/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The C library's functions of these names; host tests take theirs from the host. */
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int c);

/*
 * Copies text into to[size], cut to fit and always terminated (size >= 1). Returns false if the
 * text was cut.
 */
bool string_copy(char *to, size_t size, const char *text);
bool string_equal(const char *a, const char *b);
bool string_starts_with(const char *text, const char *prefix);
