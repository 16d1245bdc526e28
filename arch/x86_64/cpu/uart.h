/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Polled output on COM1 for fatal sentences and panics. A missing or stuck UART costs a bounded
 * wait once and is then left alone.
 */
void uart_init(void);
/* Sends "\r\n" for '\n'. */
void uart_put(char c);
void uart_puts(const char *text);
/* One sentence on it, and halts for good: Skerry cannot run on this machine. */
NORETURN void uart_unfit(const char *sentence);
