/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

#define CONSOLE_OUTPUT_BYTES 131072u

/*
 * Bytes to be sent to the operator's terminal: a ring that never blocks its writer. Bytes that do
 * not fit are dropped and counted; once there is room again, a line says how many are missing.
 * Writers of long output check console_output_room first.
 */
struct console_output {
	u32 written;	 /* index of the next byte to write, free-running */
	u32 sent;	 /* index of the next byte to send, free-running */
	u64 lost;	 /* bytes dropped and not yet reported */
	bool line_start; /* the terminal's cursor is in the first column */
	u8 bytes[CONSOLE_OUTPUT_BYTES];
};

void console_output_init(struct console_output *output);
u32 console_output_room(const struct console_output *output);

/* Writes bytes unchanged, CR and LF included. */
void console_output_raw(struct console_output *output, const void *bytes, size_t count);
/* Writes the manager's own text: each LF becomes CR LF. */
void console_output_text(struct console_output *output, struct text text);
/*
 * Writes the line that reports lost output; returns whether output was lost and the line has been
 * written.
 */
bool console_output_tell_loss(struct console_output *output);
/* Begins a new line unless the cursor is at the start of one. */
void console_output_fresh_line(struct console_output *output);

/*
 * Returns a pointer to waiting bytes, at most *count; console_output_taken then takes the number of
 * bytes that were sent.
 */
const u8 *console_output_waiting(const struct console_output *output, u32 *count);
void console_output_taken(struct console_output *output, u32 count);
