/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Polled output for fatal sentences and panics; `com` is 1 to 4. A missing or stuck UART costs a
 * bounded wait once and is then left alone.
 */
void uart_init(unsigned int com);
/* Sends "\r\n" for each '\n'. */
void uart_puts(unsigned int com, const char *text);
