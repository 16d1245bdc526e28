/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command.h"

/* What each file of this folder registers. */
void command_help(struct reply *reply, const struct arguments *arguments);
void command_version(struct reply *reply, const struct arguments *arguments);

void command_vm_list(struct reply *reply, const struct arguments *arguments);
void command_vm_create(struct reply *reply, const struct arguments *arguments);
void command_vm_start(struct reply *reply, const struct arguments *arguments);
void command_vm_pause(struct reply *reply, const struct arguments *arguments);
void command_vm_resume(struct reply *reply, const struct arguments *arguments);
void command_vm_reset(struct reply *reply, const struct arguments *arguments);
void command_vm_stop(struct reply *reply, const struct arguments *arguments);
void command_vm_destroy(struct reply *reply, const struct arguments *arguments);
void command_vm_console(struct reply *reply, const struct arguments *arguments);
void command_vm_set(struct reply *reply, const struct arguments *arguments);

void command_mem(struct reply *reply, const struct arguments *arguments);
void command_cpu(struct reply *reply, const struct arguments *arguments);
void command_sym(struct reply *reply, const struct arguments *arguments);
void command_config_show(struct reply *reply, const struct arguments *arguments);

void command_reboot(struct reply *reply, const struct arguments *arguments);
void command_poweroff(struct reply *reply, const struct arguments *arguments);
