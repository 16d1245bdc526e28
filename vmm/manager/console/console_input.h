/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/host/serial.h"

/*
 * Input that was typed and not used yet. Keys that end something are found even behind other input.
 */

#define KEY_BREAK  0x03 /* the byte that Ctrl-C sends */
#define KEY_DETACH 0x1d /* the byte that Ctrl-] sends */

/* Takes the next byte typed; returns false if there is none. */
bool console_input_next(enum serial_name port, u8 *byte);
/* Puts the last byte back before the input, as it could not be used yet. */
void console_input_back(u8 byte);
/* Returns whether a byte was given back. */
bool console_input_held(void);

/*
 * Returns whether the key was typed; the key and the input before it are then dropped. When the
 * buffer is full and nothing was taken for 5 s, the older half is lost: the key may follow.
 */
bool console_input_cut(enum serial_name port, u8 key);
/* Returns the TSC by which console_input_cut has to be called again. */
u64 console_input_deadline(enum serial_name port);

/* Returns the number of bytes lost since the last call. */
u64 console_input_lost(void);
