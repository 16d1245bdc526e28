/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct trap_frame;

/*
 * Reports a kernel bug: prints the text (print.h), registers, a symbolised backtrace and the last
 * log entries on COM1, leaves VMX or SVM operation and halts. May be called anywhere at any time.
 */
NORETURN void panic(const char *text, ...) PRINTF_LIKE(1, 2);

/*
 * Does what panic does, with the registers of a trap taken in the kernel (`frame`); NULL: there was
 * no trap.
 */
NORETURN void panic_trap(const struct trap_frame *frame, const char *text, ...) PRINTF_LIKE(2, 3);

/* Prints the last entries of a CPU's log; boot sets the pointer, which is NULL before. */
extern void (*panic_print_log)(u32 cpu);

/*
 * Panics unless the condition is true, as anything else is a kernel bug. CHECK stays in every
 * build, ASSERT only in DEBUG=1.
 */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (unlikely(!(condition)))                                                        \
			panic("%s:%u: not true: %s", __FILE__, __LINE__, #condition);              \
	} while (0)

#ifdef DEBUG
#define ASSERT(condition) CHECK(condition)
#else
#define ASSERT(condition) ((void)sizeof(condition))
#endif
