/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Polled output on COM1 for fatal errors and panics. A missing or stuck UART costs one bounded wait
 * and is not used any more afterwards.
 */
void uart_init(void);
/* Sends a character on COM1, "\r\n" for '\n'. */
void uart_put(char c);
void uart_puts(const char *text);
/*
 * Prints why Skerry cannot run on this host and halts for good: one sentence, which begins with a
 * small letter and has no full stop.
 */
NORETURN void uart_unfit(const char *sentence);
