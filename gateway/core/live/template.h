/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Makes a template of a VM: starts it, waits until its init (iso/init) is at the gate, takes the
 * snapshot "gate", at which runs begin, and pauses the VM.
 */
void template_make(struct request *request);
void template_tick(void);
void template_link_lost(void);
