/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/host/serial.h"

/* What was typed and not yet used: a little is kept here, so that Ctrl-C is found behind it. */

/* The next byte typed; false when there is none. */
bool console_input_next(enum serial_name port, u8 *byte);
/* Gives the last byte back, which could not be used yet. */
void console_input_back(u8 byte);
/* Whether a byte was given back. */
bool console_input_held(void);

/* Whether Ctrl-C was typed; it and what was typed before it are gone then. */
bool console_input_interrupted(enum serial_name port);

/* Bytes lost since this was last asked. */
u64 console_input_lost(void);
