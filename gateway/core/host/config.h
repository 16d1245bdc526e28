/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "gateway/link/link.h"

/* Asks for the keys of VMs whose keys are stale, one VM at a time. */
void host_ask_config(void);
/* Notes that no answer to an earlier request for keys will come, as the link is a new one. */
void host_forget_config(void);

/* Sends Skerry a request, which it may answer before earlier ones; the cache has this function. */
bool host_ask(const char *command, const char *const *words, link_reply *reply, uint64_t context);
/* Tells the listener that a VM's keys have come; the cache has this function. */
void host_tell_config(void);
/* Returns whether a reply is a success; the cache has this function. */
bool host_reply_ok(json_t *reply);
