/* SPDX-License-Identifier: MIT */
/* The bytes between a guest's serial port and whoever is attached to it. */
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/syscall.h"

bool vm_console_waiting(const struct vm *vm)
{
	return vm->channel != NULL &&
	       __atomic_load_n(&vm->channel->output_written, __ATOMIC_ACQUIRE) != vm->output_read;
}

/*
 * The monitor may overwrite the oldest bytes while they are copied: then a few bytes that would
 * have been lost a moment later come out garbled.
 */
u32 vm_console_read(struct vm *vm, u8 *bytes, u32 size)
{
	u32 written;
	u32 count = 0;

	if (vm->channel == NULL)
		return 0;
	written = __atomic_load_n(&vm->channel->output_written, __ATOMIC_ACQUIRE);
	if (written - vm->output_read > CHANNEL_OUT_BYTES)
		vm->output_read = written - CHANNEL_OUT_BYTES;
	while (count < size && vm->output_read != written)
		bytes[count++] = vm->channel->output[vm->output_read++ % CHANNEL_OUT_BYTES];
	__atomic_store_n(&vm->channel->output_read, vm->output_read, __ATOMIC_RELEASE);
	return count;
}

u32 vm_console_write(struct vm *vm, const u8 *bytes, u32 count)
{
	u32 written = 0;
	u32 waiting;

	if (vm->channel == NULL || vm->wake == HANDLE_NONE)
		return count; /* nobody is there to read it */
	waiting = vm->input_written - __atomic_load_n(&vm->channel->input_read, __ATOMIC_ACQUIRE);
	if (waiting > CHANNEL_RING_BYTES)
		return count; /* its reader has gone bad */
	while (written < count && waiting + written < CHANNEL_RING_BYTES) {
		vm->channel->input[vm->input_written++ % CHANNEL_RING_BYTES] = bytes[written];
		written++;
	}
	__atomic_store_n(&vm->channel->input_written, vm->input_written, __ATOMIC_RELEASE);
	if (written > 0)
		sys_event_signal(vm->wake);
	return written;
}
