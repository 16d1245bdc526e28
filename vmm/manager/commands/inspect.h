/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/commands/commands.h"

/* What the commands that look into a guest have in common. */

/*
 * Begins to ask the monitor of VM `name` a question. `cpu` is the number of a vCPU as it was typed;
 * NULL: the first, and with `all_cpus` the others after it. False after an error was written.
 */
bool inspect_begin(struct reply *reply, const char *name, const char *cpu, bool all_cpus,
		   const struct query *question);

/* False: there is no answer yet. True with *answer NULL: there will be none, an error says why. */
bool inspect_take(struct reply *reply, const struct vm_answer **answer);

/* The registers that an answer holds; NULL after an error was written. */
const struct query_registers *inspect_registers(struct reply *reply,
						const struct vm_answer *answer);

/* Asks again, another question to the same VM. */
void inspect_again(struct reply *reply);
/* The same for the next vCPU; false: that was the last. */
bool inspect_next_cpu(struct reply *reply);

/* The number that a word is; false after an error was written. */
bool inspect_number(struct reply *reply, const char *word, const char *what, u64 *number);
