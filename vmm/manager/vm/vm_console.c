/* SPDX-License-Identifier: MIT */
/*
 * Moves bytes between a guest's console or port and the one reader that is attached to it. Called
 * by console_guest.c and by the machine channel. Reads and writes the streams of the VM's channel,
 * whose other side is the monitor.
 */
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/syscall.h"

bool vm_console_waiting(const struct vm *vm, u32 port)
{
	return vm->channel != NULL &&
	       __atomic_load_n(&vm->channel->stream[port].output_written, __ATOMIC_ACQUIRE) !=
		       vm->stream[port].output_read;
}

/*
 * Reads the guest's output for the one reader that is attached. The monitor may overwrite the
 * oldest bytes during the copy: then a few bytes that would have been lost a moment later come out
 * garbled.
 */
u32 vm_console_read(struct vm *vm, u32 port, u8 *bytes, u32 size)
{
	struct channel_stream *stream;
	u32 read = vm->stream[port].output_read;
	u32 written;
	u32 count = 0;

	if (vm->channel == NULL)
		return 0;
	stream = &vm->channel->stream[port];
	written = __atomic_load_n(&stream->output_written, __ATOMIC_ACQUIRE);
	if (written - read > CHANNEL_OUT_BYTES)
		read = written - CHANNEL_OUT_BYTES;
	while (count < size && read != written)
		bytes[count++] = stream->output[read++ % CHANNEL_OUT_BYTES];
	vm->stream[port].output_read = read;
	__atomic_store_n(&stream->output_read, read, __ATOMIC_RELEASE);
	return count;
}

u32 vm_console_write(struct vm *vm, u32 port, const u8 *bytes, u32 count)
{
	struct channel_stream *stream;
	u32 at = vm->stream[port].input_written;
	u32 written = 0;
	u32 waiting;

	if (vm->channel == NULL || vm->monitor.wake == HANDLE_NONE)
		return count; /* there is no monitor to read the bytes */
	stream = &vm->channel->stream[port];
	waiting = at - __atomic_load_n(&stream->input_read, __ATOMIC_ACQUIRE);
	if (waiting > CHANNEL_RING_BYTES)
		return count; /* the monitor has written an impossible index */
	while (written < count && waiting + written < CHANNEL_RING_BYTES)
		stream->input[at++ % CHANNEL_RING_BYTES] = bytes[written++];
	vm->stream[port].input_written = at;
	__atomic_store_n(&stream->input_written, at, __ATOMIC_RELEASE);
	if (written > 0)
		sys_event_signal(vm->monitor.wake);
	return written;
}
