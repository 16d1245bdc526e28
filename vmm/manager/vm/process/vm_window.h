/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

struct process_build;
struct vm;

/*
 * Windows: memory that the VMs with the same key `window` share. A window is there as long as one
 * of them has a monitor; what it holds is no part of any VM's state. The manager pays for it.
 */

/*
 * Gives the VM a place in its window, which is made if no other VM has it. Returns false, with the
 * reason in `problem`, if there is no place or the window has another size.
 */
bool vm_window_take(struct vm *vm, char *problem, size_t size);
/*
 * Returns the rights that the VM's monitor has to its RAM: if its guest has a window, also that to
 * go back to a snapshot (SYS_MEMORY_RESET), which harms nobody but that guest.
 */
u32 vm_window_ram_rights(const struct vm *vm);
/* Gives the VM's window and all its bells to a monitor that is being made. */
void vm_window_give(const struct vm *vm, struct process_build *build);
/*
 * Takes the bell from a VM that ends: its group cannot be destroyed while the bell rings there.
 */
void vm_window_detach(const struct vm *vm);
/* Takes the VM's place back, once its processes have ended; frees the window after the last. */
void vm_window_leave(struct vm *vm);
/* Returns the pages of all windows that there are. */
u64 vm_window_pages(void);
/* Returns the pages that the VM's window would take, which is not there yet; 0: it takes none. */
u64 vm_window_new_pages(const struct vm *vm);
