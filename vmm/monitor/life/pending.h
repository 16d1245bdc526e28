/* SPDX-License-Identifier: MIT */
#pragma once

struct machine;

/*
 * What is to be done between two runs: commands and input from the manager, what the guest has
 * asked of its devices. Ends the process when the machine has stopped.
 */
void pending_handle(struct machine *machine);
