/* SPDX-License-Identifier: MIT */
#include "vmm/manager/console/console_guest.h"
#include "vmm/manager/console/console_input.h"
#include "vmm/rt/clock.h"

#define GUEST_AHEAD 2048u /* of a guest's output: what Ctrl-] can wait for */
#define DETACH_NS   NS_PER_S

static u64 seen_tsc; /* since when Ctrl-] waits behind other input; 0: it does not */

void console_guest_begin(void)
{
	seen_tsc = 0;
}

static bool names_a_console(const char *cmdline)
{
	static const char word[] = "console=";

	for (; *cmdline != '\0'; cmdline++) {
		if (strncmp(cmdline, word, sizeof(word) - 1) == 0)
			return true;
	}
	return false;
}

const char *console_guest_hint(const struct vm *vm)
{
	if (vm->channel == NULL ||
	    __atomic_load_n(&vm->channel->stream[0].output_written, __ATOMIC_ACQUIRE) != 0)
		return NULL;
	if (vm->state == VM_CREATED && !vm_busy(vm))
		return "[it has not been started]\n";
	if (names_a_console(vm->config.cmdline) ||
	    string_equal(vm->config.kernel, VM_KERNEL_BUILT_IN))
		return NULL;
	return "[nothing printed so far; a Linux needs console=ttyS0 in its cmdline]\n";
}

void console_guest_output(struct console_output *output, struct vm *vm, u32 of)
{
	u8 bytes[256];
	u32 count;

	while (CONSOLE_OUTPUT_BYTES - console_output_room(output) < GUEST_AHEAD) {
		count = vm_console_read(vm, of, bytes, sizeof(bytes));
		if (count == 0)
			return;
		console_output_raw(output, bytes, count);
	}
}

/* Ctrl-] after input that the guest does not take: for a moment that may still go in. */
static bool detach_waited(enum serial_name port)
{
	u64 now = clock_tsc();

	if (seen_tsc == 0 && serial_find(port, KEY_DETACH) != 0)
		seen_tsc = now;
	if (seen_tsc != 0 && now - seen_tsc < clock_ns_to_tsc(DETACH_NS))
		return false;
	return console_input_cut(port, KEY_DETACH);
}

bool console_guest_input(enum serial_name port, struct vm *vm, u32 of)
{
	bool detach = false;
	bool stuck = false;
	u8 byte;

	while (!detach && !stuck && console_input_next(port, &byte)) {
		detach = byte == KEY_DETACH;
		stuck = !detach && vm_console_write(vm, of, &byte, 1) == 0;
	}
	if (stuck) {
		console_input_back(byte);
		detach = detach_waited(port);
	}
	if (detach || !stuck)
		seen_tsc = 0;
	return detach;
}
