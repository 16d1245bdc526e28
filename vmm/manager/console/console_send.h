/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/console/console_pager.h"
#include "vmm/manager/host/serial.h"

/*
 * Sends waiting output, as much as the port takes and the pager lets through. When all is sent,
 * `recover` is called, and returns whether it has written more.
 */
void console_send(enum serial_name port, struct console_output *output, struct pager *pager,
		  bool (*recover)(void));
/* Sets a text, of the pager's own, that is sent before the waiting output. */
void console_send_first(struct text text);
