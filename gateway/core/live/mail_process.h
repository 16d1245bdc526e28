/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/buffer.h"
#include "gateway/core/live/side_process.h"

/*
 * The process mail, which is started when there is something to send, and ends when there was
 * nothing for some time. It runs the system's sendmail.
 */

/* As hook_process_result and hook_process_gone are for the process hook. */
typedef bool mail_process_result(uint32_t id, unsigned status, const char *text);
typedef void mail_process_gone(void);

void mail_process_setup(mail_process_result *result, mail_process_gone *gone);
/* Hands over a message, as fields. Returns false if the process cannot be started now. */
bool mail_process_send(uint32_t id, const struct buffer *fields);
/* Ends the process, which is started anew when there is something to send. */
void mail_process_drop(void);
/* For core's main loop, which watches it. */
extern struct side_process mail_process;
