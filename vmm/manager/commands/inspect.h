/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/command/command.h"

/* What the commands that look into a guest have in common. */

/*
 * Begins to ask the monitor of VM `name` a question. `cpu` is the number of a vCPU as it was typed;
 * NULL: the first, and with `all_cpus` the others after it. False after an error was written.
 */
bool inspect_begin(struct reply *reply, const char *name, const char *cpu, bool all_cpus,
		   const struct query *question);

/* Asks that VM, which the reply keeps (command_vm_keep). */
void inspect_ask(struct reply *reply, const struct vm *vm, const struct query *question);
/* Asks again, another question to the same VM. */
void inspect_again(struct reply *reply);
/* The same for the next vCPU; false: that was the last. */
bool inspect_next_cpu(struct reply *reply);
/*
 * For commands that show every VM: asks the next one in the list that has a monitor, at first the
 * first; false: there is none. From then on a problem with one of them is a line, not an error.
 */
bool inspect_next_vm(struct reply *reply, const struct query *question);

/* False: there is no answer yet. True with *answer NULL: there will be none, as was reported. */
bool inspect_take(struct reply *reply, const struct vm_answer **answer);
/* The data of an answer of that size; NULL: it is a bad answer, as was reported. */
const void *inspect_data(struct reply *reply, const struct vm_answer *answer, size_t bytes);

/* For commands NAME [CPU]: asks for the registers of that vCPU, or of each. */
void inspect_registers_begin(struct reply *reply, const struct arguments *arguments,
			     bool (*resume)(struct reply *reply));
/* As inspect_take, once there is room to show them. */
bool inspect_registers(struct reply *reply, const struct query_registers **registers);

/* Parses a word as a number; false after an error was written. */
bool inspect_number(struct reply *reply, const char *word, const char *what, u64 *number);
