/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/host/serial.h"
#include "vmm/manager/vm/vm.h"

/*
 * Serves the operator's terminal as a guest's console: bytes go both ways until the operator leaves
 * the guest.
 */

/*
 * Attaches the terminal to the guest's console (`of` 0) or to one of its ports. The guest's output
 * is filtered (terminal_filter.h) unless `raw` is set.
 */
void console_guest_attach(struct console_output *output, const struct vm *vm, u32 of, bool raw);

enum console_guest_state {
	CONSOLE_GUEST_HERE,
	CONSOLE_GUEST_LEAVE, /* Ctrl-] was typed, or the guest is gone: *why, which may be NULL */
};
/*
 * Moves bytes. Behind input that the guest does not take, Ctrl-] waits for a second; then that
 * input is dropped.
 */
enum console_guest_state console_guest_step(enum serial_name port, const char **why);

/* Leaves the guest: the terminal's settings are restored, and it is at the start of a line. */
void console_guest_leave(void);
/*
 * Drops input and returns whether that may end: some time after all output was sent. The terminal's
 * answer to a guest's output must not become a command.
 */
bool console_guest_settled(enum serial_name port);
/* Returns the TSC by which console_guest_settled has to be called. */
u64 console_guest_settle_deadline(void);
