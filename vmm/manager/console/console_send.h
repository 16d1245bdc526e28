/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/console/console_pager.h"
#include "vmm/manager/host/serial.h"

/*
 * Sends waiting output, as much as the port takes and the pager lets through. When all is sent,
 * `recover` says whether there is more after all.
 */
void console_send(enum serial_name port, struct console_output *output, struct pager *pager,
		  bool (*recover)(void));
/* Sets a text to send before the waiting output: the pager's own words. */
void console_send_first(struct text text);
