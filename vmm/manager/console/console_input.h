/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/host/serial.h"

/* What was typed and not yet used. Keys that end something are found even behind other input. */

#define KEY_BREAK  0x03 /* Ctrl-C */
#define KEY_DETACH 0x1d /* Ctrl-] */

/* The next byte typed; false when there is none. */
bool console_input_next(enum serial_name port, u8 *byte);
/* Gives the last byte back, which could not be used yet. */
void console_input_back(u8 byte);
/* Whether a byte was given back. */
bool console_input_held(void);

/*
 * Whether the key was typed; it and what was typed before it are then dropped. When there is no
 * room for more and nothing was taken for 5 s, the older half is lost: the key may come after it.
 */
bool console_input_cut(enum serial_name port, u8 key);
/* The TSC at which console_input_cut has to be called again at the latest. */
u64 console_input_deadline(enum serial_name port);

/* Bytes lost since this was last asked. */
u64 console_input_lost(void);
