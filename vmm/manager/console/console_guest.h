/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/host/serial.h"
#include "vmm/manager/vm/vm.h"

/* Passes bytes between a terminal and the guest whose console it is. */

/* A guest is attached. */
void console_guest_begin(void);
/* Why nothing is to be seen, as far as that is known; NULL: there is something, or it will come. */
const char *console_guest_hint(const struct vm *vm);
/* `of`: the guest's console, 0, or one of its further ports. */
void console_guest_output(struct console_output *output, struct vm *vm, u32 of);
/*
 * True: Ctrl-] was typed. After input that the guest does not take it waits for a second; then that
 * input is dropped.
 */
bool console_guest_input(enum serial_name port, struct vm *vm, u32 of);
