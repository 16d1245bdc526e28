/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * The output of a guest's console (port 0) or of one of its ports (from 1 on), for readers that
 * each read at their own pace. Bytes are numbered from the VM's creation on, and the last
 * VM_OUTPUT_KEPT of them are kept: one less than the ring holds, as the monitor may be writing the
 * next.
 */
#define VM_OUTPUT_KEPT (CHANNEL_OUT_BYTES - 1)

/* Returns the number of the next byte that the guest will print to the console or port. */
u64 vm_output_end(struct vm *vm, u32 port);
u64 vm_output_oldest(struct vm *vm, u32 port);

/*
 * Copies bytes from number *at on, moves *at behind them and returns their count. Overwritten bytes
 * are skipped and added to *lost: each byte copied is the one that the guest printed at that place.
 */
u32 vm_output_read(struct vm *vm, u32 port, u64 *at, u64 *lost, u8 *bytes, u32 size);

/* Updates the VM's counts of printed bytes; to be called before a guest prints 4 GiB more. */
void vm_output_count(struct vm *vm);
