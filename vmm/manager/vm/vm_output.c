/* SPDX-License-Identifier: MIT */
/*
 * Reads a guest's output for any number of readers at their own pace. Called by the machine
 * channel's streams, by `stream` and, to keep count, by vm_report.c. Owns vm->stream[].printed;
 * reads the rings that the monitor writes.
 */
#include "vmm/manager/vm/vm_output.h"

u64 vm_output_end(struct vm *vm, u32 port)
{
	u64 *printed = &vm->stream[port].printed;

	if (vm->channel != NULL)
		*printed += (u32)(__atomic_load_n(&vm->channel->stream[port].output_written,
						  __ATOMIC_ACQUIRE) -
				  (u32)*printed);
	return *printed;
}

u64 vm_output_oldest(struct vm *vm, u32 port)
{
	u64 end = vm_output_end(vm, port);

	return end > VM_OUTPUT_KEPT ? end - VM_OUTPUT_KEPT : 0;
}

static void vm_output_catch_up(struct vm *vm, u32 port, u64 *at, u64 *lost)
{
	u64 oldest = vm_output_oldest(vm, port);

	if (*at < oldest) {
		*lost += oldest - *at;
		*at = oldest;
	}
}

u32 vm_output_read(struct vm *vm, u32 port, u64 *at, u64 *lost, u8 *bytes, u32 size)
{
	u64 first;
	u32 count;

	if (vm->channel == NULL)
		return 0;
	vm_output_catch_up(vm, port, at, lost);
	first = *at;
	count = (u32)MIN(vm_output_end(vm, port) - first, size);
	for (u32 i = 0; i < count; i++)
		bytes[i] = vm->channel->stream[port].output[(first + i) % CHANNEL_OUT_BYTES];
	/*
	 * pairs with the monitor's release: the bytes that the monitor has overwritten now lie
	 * before the oldest one that counts
	 */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	vm_output_catch_up(vm, port, at, lost);
	if (*at - first >= count)
		return 0;
	count -= (u32)(*at - first);
	memmove(bytes, bytes + (*at - first), count);
	*at += count;
	return count;
}

void vm_output_count(struct vm *vm)
{
	for (u32 port = 0; port < CHANNEL_STREAM_MAX; port++)
		vm_output_end(vm, port);
}
