/* SPDX-License-Identifier: MIT */
/*
 * Opens the window that a VM shares with others, shows it to the guest, and carries bells from and
 * to the other VMs' monitors. Called by machine_setup.c, pending.c and, through the link, by the
 * device under the machine's lock; maps memory and signals events. The page of bells is written by
 * all monitors of the window: it is read once and masked.
 */
#include "vmm/monitor/life/window_open.h"

#include "lib/bits.h"
#include "vmm/monitor/dev/window.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static void window_show(struct window_link *link, u64 at)
{
	handle_t space = start_handle(START_VM_SPACE);
	u64 address;

	while (link->shown_at != 0 &&
	       sys_space_unmap(space, link->shown_at, link->bytes) == STATUS_AGAIN)
		;
	/* where the kernel refuses the mapping, each access exits and reaches the device */
	if (at != 0)
		(void)!sys_space_map(space, at, start_handle(START_WINDOW), PAGE_SIZE, link->bytes,
				     RIGHT_READ | RIGHT_WRITE, &address);
	link->shown_at = at;
}

static void window_signal(struct window_link *link, u32 place, u32 bell)
{
	(void)__atomic_fetch_or(&link->bells->place[place].rung, (u32)BIT(bell), __ATOMIC_SEQ_CST);
	(void)sys_event_signal(start_handle_of(START_WINDOW, place));
}

enum status window_bind(const struct machine *machine, u64 key)
{
	if (machine->window.bytes == 0)
		return STATUS_OK;
	return sys_object_bind(start_handle_of(START_WINDOW, machine->window.place), machine->queue,
			       key);
}

enum status window_open(struct machine *machine, u64 key)
{
	const struct start_entry *entry = start_find(START_WINDOW);
	enum status status;
	u64 at = 0;

	if (entry == NULL)
		return STATUS_OK;
	machine->window = (struct window_link){
		.bytes = align_down(entry->value, PAGE_SIZE),
		.place = (u32)(entry->value % PAGE_SIZE),
		.show = window_show,
		.ring = window_signal,
	};
	if (machine->window.place >= WINDOW_PLACES || machine->window.bytes < WINDOW_SIZE_MIN ||
	    !is_power_of_two(machine->window.bytes))
		return STATUS_BAD_ARGUMENT;
	status = sys_space_map(start_handle(START_SPACE), 0, entry->handle, 0,
			       PAGE_SIZE + machine->window.bytes, RIGHT_READ | RIGHT_WRITE, &at);
	if (status != STATUS_OK)
		return status;
	machine->window.bells = (struct window_bells *)(uintptr_t)at;
	machine->window.memory = (u8 *)(uintptr_t)(at + PAGE_SIZE);
	return window_bind(machine, key);
}

void window_wake(struct machine *machine)
{
	struct window_state *state = &machine->platform.window->state;

	for (u32 i = 0; i < machine->vcpu_count; i++) {
		struct vcpu *vcpu = &machine->vcpu[i];

		if ((state->waiting >> i & 1) == 0 || !vcpu->halted)
			continue;
		vcpu->unhalted = true;
		vcpu_wake(vcpu);
	}
	state->waiting = 0;
}

void window_poll(struct machine *machine)
{
	u32 *word = &machine->window.bells->place[machine->window.place].rung;
	u32 rung;

	if (likely(__atomic_load_n(word, __ATOMIC_RELAXED) == 0))
		return;
	rung = __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
	window_rang(machine->platform.window, rung);
	window_wake(machine);
}
