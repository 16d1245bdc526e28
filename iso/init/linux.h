/* SPDX-License-Identifier: MIT */
#pragma once

#include <asm/unistd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Linux's system calls for a program without a C library. Each returns what the kernel does: below
 * 0 is an error. */
static inline long linux_call(long number, long a, long b, long c, long d, long e)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
		     : "rcx", "r11", "memory");
	return result;
}

#define CALL_5(number, a, b, c, d, e, ...)                                                         \
	linux_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
#define CALL(number, ...) CALL_5(__NR_##number, ##__VA_ARGS__, 0, 0, 0, 0, 0)

void *memcpy(void *to, const void *from, size_t count); /* in main.c */

static inline size_t text_length(const char *text)
{
	size_t length = 0;

	while (text[length] != '\0')
		length++;
	return length;
}

/* Whether `text` begins with all of `start`. */
static inline bool text_begins(const char *text, const char *start)
{
	while (*start != '\0')
		if (*text++ != *start++)
			return false;
	return true;
}

static inline void print(const char *text)
{
	CALL(write, 2, text, text_length(text));
}
