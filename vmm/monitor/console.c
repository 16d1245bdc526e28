/* SPDX-License-Identifier: MIT */
#include "vmm/monitor/console.h"

#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/virtio/virtio_console.h"
#include "vmm/rt/syscall.h"

/*
 * The oldest bytes give way. A line is shown when it is complete; what has no newline is shown once
 * the guest does something other than printing (vcpu.c).
 */
void console_put(void *context, u8 byte)
{
	struct machine *machine = context;
	struct vm_channel *channel = machine->channel;
	u32 written = channel->output_written;

	channel->output[written % CHANNEL_OUT_BYTES] = byte;
	__atomic_store_n(&channel->output_written, written + 1, __ATOMIC_RELEASE);
	machine->signal = true;
	if (byte == '\n')
		console_signal(machine);
}

/* Input [from, to) of the channel goes to who takes it now; returns how much of it was taken. */
static u32 pass_on(struct machine *machine, u32 from, u32 to)
{
	struct virtio_console *virtio = machine->platform.virtio_console;
	const u8 *input = machine->channel->input;
	u8 bytes[CHANNEL_RING_BYTES];
	u32 count = 0;

	if (virtio != NULL && virtio_console_is_open(virtio)) {
		for (; from + count != to; count++)
			bytes[count] = input[(from + count) % CHANNEL_RING_BYTES];
		return virtio_console_input(virtio, bytes, count);
	}
	while (from + count != to &&
	       serial_input(machine->platform.serial,
			    input[(from + count) % CHANNEL_RING_BYTES]))
		count++;
	return count;
}

void console_input(struct machine *machine)
{
	struct vm_channel *channel = machine->channel;
	u32 written = __atomic_load_n(&channel->input_written, __ATOMIC_ACQUIRE);
	u32 read = channel->input_read;

	if (written == read)
		return;
	/* a manager gone bad garbles its console and no more */
	if (written - read > CHANNEL_RING_BYTES)
		read = written - CHANNEL_RING_BYTES;
	read += pass_on(machine, read, written);
	if (read != channel->input_read)
		machine->signal = true;
	__atomic_store_n(&channel->input_read, read, __ATOMIC_RELEASE);
}

void console_signal(struct machine *machine)
{
	if (!machine->signal)
		return;
	machine->signal = false;
	(void)sys_event_signal(machine->channel_out);
}
