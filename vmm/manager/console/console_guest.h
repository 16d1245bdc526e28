/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/host/serial.h"
#include "vmm/manager/vm/vm.h"

/* The operator's terminal as a guest's console: bytes go both ways until it is left. */

/*
 * `of`: the guest's console, 0, or one of its further ports. What the guest prints is filtered
 * (terminal_filter.h) unless it is wanted raw.
 */
void console_guest_attach(struct console_output *output, const struct vm *vm, u32 of, bool raw);

enum console_guest_state {
	CONSOLE_GUEST_HERE,
	CONSOLE_GUEST_LEAVE, /* Ctrl-] was typed, or the guest is gone: *why, which may be NULL */
};
/*
 * After input that the guest does not take Ctrl-] waits for a second; then that input is dropped.
 */
enum console_guest_state console_guest_step(enum serial_name port, const char **why);

/* Leaves it: the terminal gets its state back, on a line of its own. */
void console_guest_leave(void);
/*
 * Drops what comes in; true when that is over: a while after the terminal has been sent everything.
 * An answer of its to something that the guest has printed is no command.
 */
bool console_guest_settled(enum serial_name port);
/* The TSC at which that has to be asked at the latest. */
u64 console_guest_settle_deadline(void);
