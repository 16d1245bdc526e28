/* SPDX-License-Identifier: MIT */
/*
 * The rings between manager and monitor, used while the other side's indices are anything. Proved:
 * no access outside a ring, whatever the indices.
 */
#include "tests/verify/frama.h"

#include "vmm/manager/vm/vm_console.c"

static struct vm_channel channel;
static struct vm vm;

enum status sys_event_signal(handle_t event)
{
	(void)event;
	return STATUS_OK;
}

static void any_channel(void)
{
	Frama_C_make_unknown((char *)&channel, sizeof(channel));
	vm.channel = &channel;
	vm.monitor.wake = 1;
	for (u32 i = 0; i < CHANNEL_STREAM_MAX; i++) {
		vm.stream[i].output_read = ANY_U32;
		vm.stream[i].input_written = ANY_U32;
	}
}

void prove_output(void)
{
	u32 port = (u32)ANY_OF(0, CHANNEL_STREAM_MAX - 1);
	u8 bytes[256];

	any_channel();
	(void)vm_console_waiting(&vm, port);
	(void)vm_console_read(&vm, port, bytes, sizeof(bytes));
}

void prove_input(void)
{
	u32 port = (u32)ANY_OF(0, CHANNEL_STREAM_MAX - 1);
	u8 bytes[256];

	any_channel();
	Frama_C_make_unknown((char *)bytes, sizeof(bytes));
	(void)vm_console_write(&vm, port, bytes, (u32)ANY_OF(0, 256));
}
