/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command.h"

/* What each file of this folder registers. */

void command_vm_list(struct reply *reply, const struct arguments *arguments);
void command_vm_create(struct reply *reply, const struct arguments *arguments);
void command_vm_set(struct reply *reply, const struct arguments *arguments);

void command_sym(struct reply *reply, const struct arguments *arguments);
void command_config_show(struct reply *reply, const struct arguments *arguments);
