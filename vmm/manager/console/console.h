/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/host/serial.h"

/*
 * The operator's terminal: edits lines, runs commands one after the other, serves as a guest's
 * console while attached to it. No function here waits; console_step does as much as it can.
 * Notices (log/notice.h) are shown above the line being edited, or wait until a guest's console is
 * left.
 */
void console_init(enum serial_name port);
/* Moves the terminal to another port; output not yet sent goes there. */
void console_use(enum serial_name port);
enum serial_name console_port(void);

/* The abilities of the terminal: only showing text, until an operator says that it can do more. */
struct console_terminal {
	bool on;  /* colours, pages and clearing of the screen are in use */
	u32 rows; /* rows of the terminal; 0: output is not divided into pages */
	u32 columns;
	bool ask; /* the terminal is asked once for its size, which is used from then on */
};
struct console_terminal console_terminal(void);
void console_terminal_set(struct console_terminal settings);
/* Lets the command under way show all of its output without stopping. */
void console_page_off(void);

/* Opens the terminal: from now on there is a prompt, after the commands of console_script.h. */
void console_open(void);

/* Moves bytes and commands on; returns whether there is more to do at once. */
bool console_step(void);
/* Returns the TSC by which console_step has to be called. */
u64 console_deadline(void);

/*
 *  Sends all waiting output, within a time limit: the host is about to stop.
 */
void console_flush(void);
