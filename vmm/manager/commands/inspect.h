/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"

/* Functions that all commands which look into a guest use. */

/*
 * Begins to ask the monitor of VM `name` a question. `cpu` is a vCPU's number as it was typed; NULL
 * means the first one, and with `all_cpus` all others after it as well. Returns false after writing
 * an error.
 */
bool inspect_begin(struct reply *reply, const char *name, const char *cpu, bool all_cpus,
		   const struct query *question);

/* Asks the monitor of a VM a question, and keeps the VM in the reply (command_vm_keep). */
void inspect_ask(struct reply *reply, const struct vm *vm, const struct query *question);
/* Asks the monitor of the same VM another question. */
void inspect_again(struct reply *reply);
/* Asks the VM's monitor the same question about the next vCPU; returns false after the last. */
bool inspect_next_cpu(struct reply *reply);
/*
 * Asks the next VM that has a monitor, for commands that show every VM, beginning with the first.
 * Returns false if there is none. From then on a problem with a VM is shown as a line of the
 * answer, not as an error.
 */
bool inspect_next_vm(struct reply *reply, const struct query *question);

/*
 * Takes the monitor's answer; returns false while there is none yet. *answer is NULL if there will
 * be none; the asker then has an error.
 */
bool inspect_take(struct reply *reply, const struct vm_answer **answer);
/* Returns an answer's data of that size, or NULL after reporting that the answer is bad. */
const void *inspect_data(struct reply *reply, const struct vm_answer *answer, size_t bytes);

/*
 * Asks the VM's monitor for the registers of one vCPU, or of each, for commands with arguments NAME
 * [CPU].
 */
void inspect_registers_begin(struct reply *reply, const struct arguments *arguments,
			     bool (*resume)(struct reply *reply));
/*
 * Takes the monitor's answer with registers as inspect_take does, but only once there is room to
 * show them.
 */
bool inspect_registers(struct reply *reply, const struct query_registers **registers);

/* Reads a word as a number; returns false after writing an error. */
bool inspect_number(struct reply *reply, const char *word, const char *what, u64 *number);
