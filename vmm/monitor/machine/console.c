/* SPDX-License-Identifier: MIT */
/*
 * Moves console bytes between the channel's rings and the guest's serial port and virtio console.
 * Called by pending.c and the devices under the machine's lock; signals the manager.
 */
#include "vmm/monitor/machine/console.h"

#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/virtio/virtio_console.h"
#include "vmm/rt/syscall.h"

/*
 * Puts a byte into the console port's ring for output, where it overwrites the oldest byte if the
 * ring is full. The manager is signalled once a line is complete; a line without its end is shown
 * once the guest does something other than printing (life/loop.c), be it polling
 * (console_after_port).
 */
void console_port_put(void *context, u32 port, u8 byte)
{
	struct machine *machine = context;
	struct channel_stream *stream = &machine->channel->stream[port];
	u32 written = stream->output_written;

	if (quiesce_take(machine, port, byte))
		return;
	stream->output[written % CHANNEL_OUT_BYTES] = byte;
	__atomic_store_n(&stream->output_written, written + 1, __ATOMIC_RELEASE);
	machine->signal = true;
	machine->ports_since_output = 0;
	if (byte == '\n')
		console_signal(machine);
}

void console_put(void *context, u8 byte)
{
	console_port_put(context, 0, byte);
}

/* Passes input to the serial port, as far as it has room. */
static u32 console_pass_to_serial(struct machine *machine, const u8 *input, u32 from, u32 to)
{
	u32 count = 0;

	while (from + count != to &&
	       serial_input(machine->platform.serial, input[(from + count) % CHANNEL_RING_BYTES]))
		count++;
	return count;
}

static u32 console_pass_to_port(struct virtio_console *virtio, u32 port, const u8 *input, u32 from,
				u32 to)
{
	u8 bytes[CHANNEL_RING_BYTES];
	u32 count = 0;

	for (; from + count != to; count++)
		bytes[count] = input[(from + count) % CHANNEL_RING_BYTES];
	return virtio_console_input(virtio, port, bytes, count);
}

/*
 * Passes bytes [from, to) of a console port's input to the device that takes them now; returns how
 * many were taken.
 */
static u32 console_pass_on(struct machine *machine, u32 port, u32 from, u32 to)
{
	struct virtio_console *virtio = machine->platform.virtio_console;
	const u8 *input = machine->channel->stream[port].input;

	if (virtio != NULL && virtio_console_is_open(virtio, port))
		return console_pass_to_port(virtio, port, input, from, to);
	return port == 0 ? console_pass_to_serial(machine, input, from, to) : 0;
}

static void console_stream_input(struct machine *machine, u32 port)
{
	struct channel_stream *stream = &machine->channel->stream[port];
	u32 written = __atomic_load_n(&stream->input_written, __ATOMIC_ACQUIRE);
	u32 read = stream->input_read;

	if (written == read)
		return;
	/* a manager that writes wrong counts garbles the guest's input and does no other harm */
	if (written - read > CHANNEL_RING_BYTES)
		read = written - CHANNEL_RING_BYTES;
	read += console_pass_on(machine, port, read, written);
	if (read != stream->input_read)
		machine->signal = true;
	__atomic_store_n(&stream->input_read, read, __ATOMIC_RELEASE);
}

void console_input(struct machine *machine)
{
	console_stream_input(machine, 0);
	for (u32 i = 1; i < CHANNEL_STREAM_MAX; i++) {
		if (machine->port_name[i][0] != '\0' && !quiesce_send(machine, i))
			console_stream_input(machine, i);
	}
}

void console_ports_init(struct machine *machine)
{
	for (u32 i = 1; i < CHANNEL_STREAM_MAX; i++) {
		memcpy(machine->port_name[i], machine->channel->stream[i].name, CHANNEL_NAME_BYTES);
		machine->port_name[i][CHANNEL_NAME_BYTES - 1] = '\0';
	}
}

void console_signal(struct machine *machine)
{
	if (!machine->signal)
		return;
	machine->signal = false;
	machine->ports_since_output = 0;
	(void)sys_event_signal(machine->channel_out);
}

void console_tell(void *context)
{
	struct machine *machine = context;

	machine->signal = true;
	console_signal(machine);
}
