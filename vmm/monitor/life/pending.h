/* SPDX-License-Identifier: MIT */
#pragma once

struct machine;

/*
 * Handles, between two runs of the guest, the manager's commands, the console's input and the
 * guest's requests to its devices. Ends the process when the VM has stopped.
 */
void pending_handle(struct machine *machine);
