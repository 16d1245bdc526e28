/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/http/request.h"

/*
 * Makes a template of a VM: it is started, and when its init (iso/init) is at the gate, a snapshot
 * "gate" is taken, at which runs begin, and the VM is paused.
 */
void template_make(struct request *request);
void template_tick(void);
void template_link_lost(void);
