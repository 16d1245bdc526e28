/* SPDX-License-Identifier: MIT */
/*
 * Serves the operator's terminal as a guest's console: moves bytes both ways and leaves at Ctrl-].
 * Called by console.c. Owns the one session; guests' output passes through terminal_filter.c.
 */
#include "vmm/manager/console/console_guest.h"
#include "vmm/manager/console/console_input.h"
#include "vmm/manager/console/console_secret.h"
#include "vmm/manager/console/terminal_filter.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/vm_events.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* the most bytes of a guest's output ahead of the terminal, for which Ctrl-] may have to wait */
#define GUEST_AHEAD 2048u
#define DETACH_NS   NS_PER_S
#define SETTLE_NS   (200 * NS_PER_MS)

static struct {
	struct console_output *output;
	u32 vm_id;
	u32 port; /* number of the VM's port; 0: the VM's console */
	bool raw;
	/*
	 * the filter of the guest's output; in raw mode it sees the output, but does not change it
	 */
	struct terminal_filter filter;
	/* the TSC since when Ctrl-] waits behind other input; 0: it does not wait */
	u64 seen_tsc;
	u64 settled_tsc; /* the TSC before which input is dropped after leaving a guest */
} session;

static void console_guest_put(void *context, const char *bytes, size_t count)
{
	(void)context;
	console_output_raw(session.output, bytes, count);
}

static void console_guest_put_nowhere(void *context, const char *bytes, size_t count)
{
	(void)context, (void)bytes, (void)count;
}

static bool console_guest_is_named(const char *cmdline)
{
	static const char word[] = "console=";

	for (; *cmdline != '\0'; cmdline++) {
		if (strncmp(cmdline, word, sizeof(word) - 1) == 0)
			return true;
	}
	return false;
}

/* Returns why there is no output yet, as far as that is known, or NULL. */
static const char *console_guest_hint_of(const struct vm *vm)
{
	if (vm->channel == NULL ||
	    __atomic_load_n(&vm->channel->stream[0].output_written, __ATOMIC_ACQUIRE) != 0)
		return NULL;
	if (vm->state == VM_CREATED && !vm_busy(vm))
		return "[it has not been started]\n";
	if (console_guest_is_named(vm->config.cmdline) ||
	    string_equal(vm->config.kernel, VM_KERNEL_BUILT_IN))
		return NULL;
	return "[nothing printed so far; a Linux needs console=ttyS0 in its cmdline]\n";
}

void console_guest_attach(struct console_output *output, const struct vm *vm, u32 of, bool raw)
{
	const char *hint = of == 0 ? console_guest_hint_of(vm) : NULL;
	char text[128];

	session.output = output;
	session.vm_id = vm->id;
	session.port = of;
	session.raw = raw;
	session.seen_tsc = 0;
	terminal_filter_init(&session.filter, raw ? console_guest_put_nowhere : console_guest_put,
			     NULL);
	if (of == 0)
		format(text, sizeof(text), "[console of %s, Ctrl-] leaves]\n", vm->config.name);
	else
		format(text, sizeof(text), "[port %s of %s, Ctrl-] leaves]\n",
		       vm->config.port[of - 1], vm->config.name);
	console_output_text(output, text_of(text));
	if (hint != NULL)
		console_output_text(output, text_of(hint));
	vm_event(vm->config.name, vm->uuid, EVENT_CONSOLE_ATTACHED, console_login.name);
}

static void console_guest_show_output(struct vm *vm)
{
	u8 bytes[256];
	u32 count;

	while (CONSOLE_OUTPUT_BYTES - console_output_room(session.output) < GUEST_AHEAD) {
		count = vm_console_read(vm, session.port, bytes, sizeof(bytes));
		if (count == 0)
			return;
		if (session.raw)
			console_output_raw(session.output, bytes, count);
		terminal_filter_take(&session.filter, bytes, count);
	}
}

/* Returns whether Ctrl-] stands behind input that the guest has not taken for DETACH_NS. */
static bool console_guest_detach_waited(enum serial_name port)
{
	u64 now = clock_tsc();

	if (session.seen_tsc == 0 && serial_find(port, KEY_DETACH) != 0)
		session.seen_tsc = now;
	if (session.seen_tsc != 0 && now - session.seen_tsc < clock_ns_to_tsc(DETACH_NS))
		return false;
	return console_input_cut(port, KEY_DETACH);
}

static bool console_guest_take_input(enum serial_name port, struct vm *vm)
{
	bool detach = false;
	bool stuck = false;
	u8 byte;

	while (!detach && !stuck && console_input_next(port, &byte)) {
		detach = byte == KEY_DETACH;
		stuck = !detach && vm_console_write(vm, session.port, &byte, 1) == 0;
	}
	if (stuck) {
		console_input_back(byte);
		detach = console_guest_detach_waited(port);
	}
	if (detach || !stuck)
		session.seen_tsc = 0;
	return detach;
}

enum console_guest_state console_guest_step(enum serial_name port, const char **why)
{
	struct vm *vm = vm_by_id(session.vm_id);

	*why = NULL;
	if (vm == NULL) {
		*why = "[the VM is gone]\n";
		return CONSOLE_GUEST_LEAVE;
	}
	console_guest_show_output(vm);
	if (vm_has_ended(vm) && !vm_console_waiting(vm, session.port) &&
	    (!vm_is_ending(vm) || vm_is_kept(vm))) {
		*why = "[the guest has ended]\n";
		return CONSOLE_GUEST_LEAVE;
	}
	return console_guest_take_input(port, vm) ? CONSOLE_GUEST_LEAVE : CONSOLE_GUEST_HERE;
}

void console_guest_leave(void)
{
	const struct vm *vm = vm_by_id(session.vm_id);

	log_actor_set(console_login.name);
	log_message(LOG_INFO, LOG_AUDIT, vm != NULL ? vm->config.name : "", "console left");
	log_actor_set(NULL);
	if (session.raw)
		terminal_filter_leave_raw(&session.filter, console_guest_put);
	else
		terminal_filter_leave(&session.filter);
	console_output_fresh_line(session.output);
	session.settled_tsc = clock_tsc() + clock_ns_to_tsc(SETTLE_NS);
}

bool console_guest_settled(enum serial_name port)
{
	u64 now = clock_tsc();
	u8 byte;

	while (console_input_next(port, &byte))
		;
	/* the terminal may still answer output that is on its way */
	if (console_output_room(session.output) < CONSOLE_OUTPUT_BYTES)
		session.settled_tsc = now + clock_ns_to_tsc(SETTLE_NS);
	return now >= session.settled_tsc;
}

u64 console_guest_settle_deadline(void)
{
	return session.settled_tsc;
}
