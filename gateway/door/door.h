/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/base/buffer.h"
#include "gateway/base/message.h"

/* Runs the process and returns its exit code. `core` is the socket to core. */
int door_main(int core);

/* Sends core a message; `payload` may be NULL. */
void door_tell(struct message_head head, const struct buffer *payload);
/* Returns a number for a request to core that no earlier one has had. */
uint32_t door_number(void);
/* Returns the name of the machine that door runs on. */
const char *door_hostname(void);

/*
 * Allows, from here on, only the system calls that door needs. Returns false if the filter could
 * not be set.
 */
bool door_seccomp(void);
