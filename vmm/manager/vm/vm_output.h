/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/vm/vm.h"

/*
 * What a guest has printed on its console, 0, or on one of its ports, from 1 on, for readers that
 * each go at their own pace: bytes are numbered from when the VM was created, and the last
 * VM_OUTPUT_KEPT of them are there. One less than the ring has: the monitor may be writing the
 * next.
 */
#define VM_OUTPUT_KEPT (CHANNEL_OUT_BYTES - 1)

/* The number of the next byte it will print. */
u64 vm_output_end(struct vm *vm, u32 port);
u64 vm_output_oldest(struct vm *vm, u32 port);

/*
 * Copies from *at on; returns how many bytes, and moves *at behind them. What gave way is skipped,
 * and *lost grows by it: no byte is copied that is not the guest's at that place.
 */
u32 vm_output_read(struct vm *vm, u32 port, u64 *at, u64 *lost, u8 *bytes, u32 size);

/* To be called now and then, so that no more than 4 GiB are printed in between. */
void vm_output_count(struct vm *vm);
