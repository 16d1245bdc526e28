/* SPDX-License-Identifier: MIT */
/*
 * The manager's side of a guest's socket device: opens and takes connections, and moves their bytes
 * through rings that it shares with the VM's monitor. Called by vm_build.c, vm_report.c, vm_peers.c
 * and the machine channel. What the monitor writes is read once and checked; no packet of a
 * guest's comes here.
 */
#include "vmm/manager/process/process_build.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static void vm_vsock_ring_bell(const struct vm *vm)
{
	struct vsock_area *area = vm->vsock.area;

	vsock_store(&area->manager_bell, area->manager_bell + 1);
	if (vm->monitor.wake != HANDLE_NONE)
		(void)sys_event_signal(vm->monitor.wake);
}

/*
 * Has the kernel populate the bytes [from, to) of the area that the manager shares with the
 * monitor. The VM's memory group pays: if its quota has no pages left, the manager must get an
 * error here, not a fault when it writes there.
 */
static enum status vm_vsock_populate(const struct vm *vm, u64 from, u64 to)
{
	enum status status = STATUS_OK;
	u64 address;

	for (u64 at = from; at < to && status == STATUS_OK; at += PAGE_SIZE)
		status = sys_memory_address(start_handle(START_ROOT), vm->vsock.memory, at,
					    &address);
	return status;
}

void vm_vsock_create(struct vm *vm, struct process_build *build)
{
	u64 address = 0;

	if (!vm->config.vsock || process_build_failed(build))
		return;
	process_build_note(build, "creating its sockets",
			   sys_memory_create(vm->group, VSOCK_BYTES, 0, &vm->vsock.memory));
	if (process_build_failed(build))
		return;
	process_build_note(build, "creating its sockets",
			   vm_vsock_populate(vm, 0, offsetof(struct vsock_area, rings)));
	if (process_build_failed(build))
		return;
	process_build_note(build, "mapping its sockets",
			   sys_space_map(start_handle(START_SPACE), 0, vm->vsock.memory, 0,
					 VSOCK_BYTES, RIGHT_READ | RIGHT_WRITE, &address));
	if (process_build_failed(build))
		return;
	vm->vsock.area = (struct vsock_area *)address;
	vm->vsock.generation++;
	memcpy(vm->vsock.area->listen, vm->vsock.listen, sizeof(vm->vsock.listen));
	for (u32 i = 0; i < VSOCK_PEERS_MAX; i++)
		vm->vsock.area->peer[i] = vm->config.vsock_peer[i].port;
}

void vm_vsock_give(const struct vm *vm, struct process_build *build)
{
	_Static_assert(VSOCK_BYTES != CHANNEL_BYTES, "the monitor tells the two by their sizes");

	if (vm->vsock.area != NULL)
		process_build_grant(build, START_CHANNEL, vm->vsock.memory,
				    RIGHT_READ | RIGHT_WRITE, VSOCK_BYTES);
}

void vm_vsock_release(struct vm *vm)
{
	vm_peers_drop(vm);
	/*
	 * unmap all of the shared area: a memory group is not destroyed while any space maps memory
	 * that it pays for
	 */
	while (vm->vsock.area != NULL &&
	       sys_space_unmap(start_handle(START_SPACE), (u64)(uintptr_t)vm->vsock.area,
			       VSOCK_BYTES) == STATUS_AGAIN)
		;
	vm->vsock.area = NULL;
	vm->vsock.memory = HANDLE_NONE;
}

/* --- the list of connections --- */

static bool vm_vsock_is_listened(const struct vm *vm, u32 port)
{
	for (u32 i = 0; i < VSOCK_LISTEN_MAX; i++)
		if (vm->vsock.listen[i] == port)
			return port != 0;
	return false;
}

static void vm_vsock_set_listen(struct vm *vm, u32 place, u32 port)
{
	vm->vsock.listen[place] = port;
	if (vm->vsock.area != NULL)
		vsock_store(&vm->vsock.area->listen[place], port);
}

bool vm_vsock_listen(struct vm *vm, u32 port)
{
	if (vm_vsock_is_listened(vm, port))
		return false;
	for (u32 i = 0; i < VSOCK_LISTEN_MAX; i++) {
		if (vm->vsock.listen[i] == 0) {
			vm_vsock_set_listen(vm, i, port);
			return true;
		}
	}
	return false;
}

void vm_vsock_unlisten(struct vm *vm, u32 port)
{
	for (u32 i = 0; i < VSOCK_LISTEN_MAX; i++)
		if (vm->vsock.listen[i] == port)
			vm_vsock_set_listen(vm, i, 0);
	vm_vsock_look(vm);
}

/*
 * Returns whether the monitor has begun a connection in the slot that the manager has not answered
 * yet.
 */
static bool vm_vsock_is_new(const struct vsock_slot *slot, u32 *word)
{
	*word = vsock_load(&slot->monitor_word);
	return vsock_word_use(*word) != vsock_word_use(slot->manager_word);
}

/* Returns whether somebody takes, or has yet to answer, what the monitor asks for in the slot. */
static bool vm_vsock_is_taken(struct vm *vm, u32 place, u32 use)
{
	const struct vsock_slot *slot = &vm->vsock.area->slot[place];
	u32 cid = vsock_load(&slot->asked_cid);
	u32 port = vsock_load(&slot->asked_port);

	return cid == VSOCK_CID_HOST ? vm_vsock_is_listened(vm, port)
				     : vm_peers_take(vm, cid, port, place, use);
}

void vm_vsock_look(struct vm *vm)
{
	bool answered = false;
	u32 word;

	for (u32 i = VSOCK_SLOTS_MANAGER; vm->vsock.area != NULL && i < VSOCK_SLOTS; i++) {
		struct vsock_slot *slot = &vm->vsock.area->slot[i];

		if (!vm_vsock_is_new(slot, &word) ||
		    (vsock_word_mark(word) == VSOCK_ASKS &&
		     vm_vsock_is_taken(vm, i, vsock_word_use(word))))
			continue;
		vsock_store(&slot->manager_word, vsock_word(vsock_word_use(word), VSOCK_GONE));
		answered = true;
	}
	if (answered)
		vm_vsock_ring_bell(vm);
}

/*
 * Begins a connection in slot `place` of the shared area. Returns false if the VM cannot pay for
 * the connection's rings.
 */
static bool vm_vsock_begin(struct vm *vm, u32 place, u32 use, enum vsock_mark mark,
			   struct vm_vsock_end *end)
{
	struct vsock_slot *slot = &vm->vsock.area->slot[place];
	u64 rings = offsetof(struct vsock_area, rings) + place * sizeof(struct vsock_rings);

	if (vm_vsock_populate(vm, rings, rings + sizeof(struct vsock_rings)) != STATUS_OK)
		return false;
	end->vm = vm;
	end->vm_id = vm->id;
	end->generation = vm->vsock.generation;
	end->slot = place;
	end->use = use;
	vsock_store(&slot->input_written, 0);
	vsock_store(&slot->output_read, 0);
	vsock_store(&slot->manager_word, vsock_word(use, mark));
	vm_vsock_ring_bell(vm);
	return true;
}

bool vm_vsock_call(struct vm *vm, u32 cid, u32 port, struct vm_vsock_end *end)
{
	if (vm->vsock.area == NULL)
		return false;
	*end = (struct vm_vsock_end){.port = port};
	for (u32 i = 0; i < VSOCK_SLOTS_MANAGER; i++) {
		struct vsock_slot *slot = &vm->vsock.area->slot[i];
		u32 word = slot->manager_word;

		if (vsock_word_mark(word) != VSOCK_GONE || vsock_load(&slot->monitor_word) != word)
			continue;
		vsock_store(&slot->called_port, port);
		vsock_store(&slot->called_cid, cid);
		return vm_vsock_begin(vm, i, (vsock_word_use(word) + 1) & VSOCK_USE_MASK,
				      VSOCK_ASKS, end);
	}
	return false;
}

bool vm_vsock_accept(struct vm *vm, u32 port, struct vm_vsock_end *end)
{
	u32 word;

	for (u32 i = VSOCK_SLOTS_MANAGER; vm->vsock.area != NULL && i < VSOCK_SLOTS; i++) {
		struct vsock_slot *slot = &vm->vsock.area->slot[i];

		if (!vm_vsock_is_new(slot, &word) || vsock_word_mark(word) != VSOCK_ASKS ||
		    vsock_load(&slot->asked_cid) != VSOCK_CID_HOST ||
		    vsock_load(&slot->asked_port) != port)
			continue;
		*end = (struct vm_vsock_end){.port = port,
					     .guest_port = vsock_load(&slot->guest_port)};
		return vm_vsock_begin(vm, i, vsock_word_use(word), VSOCK_OPEN, end);
	}
	return false;
}

/* --- one connection --- */

struct vm *vm_vsock_owner(const struct vm_vsock_end *end)
{
	return end->vm_id != 0 && end->vm->id == end->vm_id ? end->vm : NULL;
}

/* Returns the VM whose shared area has the connection, or NULL if that area is gone. */
static struct vm *vm_vsock_vm(const struct vm_vsock_end *end)
{
	struct vm *vm = vm_vsock_owner(end);

	return vm != NULL && vm->vsock.area != NULL && vm->vsock.generation == end->generation
		       ? vm
		       : NULL;
}

bool vm_vsock_still_asks(const struct vm_vsock_end *end)
{
	const struct vm *vm = vm_vsock_vm(end);

	return vm != NULL && vsock_load(&vm->vsock.area->slot[end->slot].monitor_word) ==
				     vsock_word(end->use, VSOCK_ASKS);
}

bool vm_vsock_answer(struct vm_vsock_end *end)
{
	struct vm *vm = vm_vsock_vm(end);

	return vm != NULL && vm_vsock_begin(vm, end->slot, end->use, VSOCK_OPEN, end);
}

/*
 * Returns how many bytes from the guest can be read; if more than a ring holds, the monitor is
 * faulty.
 */
static u32 vm_vsock_readable(const struct vm *vm, const struct vm_vsock_end *end)
{
	return vsock_load(&vm->vsock.area->slot[end->slot].output_written) - end->output_read;
}

static u32 vm_vsock_unread(const struct vm *vm, const struct vm_vsock_end *end)
{
	return end->input_written - vsock_load(&vm->vsock.area->slot[end->slot].input_read);
}

enum vm_vsock_state vm_vsock_state(const struct vm_vsock_end *end)
{
	const struct vm *vm = vm_vsock_vm(end);
	u32 word = vm != NULL ? vsock_load(&vm->vsock.area->slot[end->slot].monitor_word) : 0;

	if (vm == NULL)
		return VM_VSOCK_RESET;
	if (vsock_word_use(word) != end->use)
		return end->slot < VSOCK_SLOTS_MANAGER ? VM_VSOCK_WAITS : VM_VSOCK_RESET;
	if (vm_vsock_readable(vm, end) > VSOCK_RING_BYTES ||
	    vm_vsock_unread(vm, end) > VSOCK_RING_BYTES)
		return VM_VSOCK_RESET;
	switch (vsock_word_mark(word)) {
	case VSOCK_ASKS:
		return VM_VSOCK_WAITS;
	case VSOCK_OPEN:
		return VM_VSOCK_OPEN;
	case VSOCK_ENDED:
		return VM_VSOCK_ENDED;
	case VSOCK_CLOSED:
		return VM_VSOCK_DONE;
	default:
		return VM_VSOCK_RESET;
	}
}

u32 vm_vsock_room(const struct vm_vsock_end *end)
{
	const struct vm *vm = vm_vsock_vm(end);
	u32 unread = vm != NULL ? vm_vsock_unread(vm, end) : VSOCK_RING_BYTES;

	return unread < VSOCK_RING_BYTES ? VSOCK_RING_BYTES - unread : 0;
}

void vm_vsock_write(struct vm_vsock_end *end, const u8 *bytes, u32 count)
{
	struct vm *vm = vm_vsock_vm(end);

	if (vm == NULL || count == 0)
		return;
	for (u32 i = 0; i < count; i++)
		vm->vsock.area->rings[end->slot]
			.input[(end->input_written + i) % VSOCK_RING_BYTES] = bytes[i];
	end->input_written += count;
	vsock_store(&vm->vsock.area->slot[end->slot].input_written, end->input_written);
	vm_vsock_ring_bell(vm);
}

u32 vm_vsock_read(struct vm_vsock_end *end, u8 *bytes, u32 size)
{
	struct vm *vm = vm_vsock_vm(end);
	u32 count = vm != NULL ? vm_vsock_readable(vm, end) : 0;

	count = count <= VSOCK_RING_BYTES ? MIN(count, size) : 0;
	if (count == 0)
		return 0;
	for (u32 i = 0; i < count; i++)
		bytes[i] = vm->vsock.area->rings[end->slot]
				   .output[(end->output_read + i) % VSOCK_RING_BYTES];
	end->output_read += count;
	vsock_store(&vm->vsock.area->slot[end->slot].output_read, end->output_read);
	vm_vsock_ring_bell(vm);
	return count;
}

bool vm_vsock_has_bytes(const struct vm_vsock_end *end)
{
	const struct vm *vm = vm_vsock_vm(end);
	u32 count = vm != NULL ? vm_vsock_readable(vm, end) : 0;

	return count != 0 && count <= VSOCK_RING_BYTES;
}

static void vm_vsock_mark(const struct vm_vsock_end *end, enum vsock_mark mark)
{
	struct vm *vm = vm_vsock_vm(end);

	if (vm == NULL)
		return;
	vsock_store(&vm->vsock.area->slot[end->slot].manager_word, vsock_word(end->use, mark));
	vm_vsock_ring_bell(vm);
}

void vm_vsock_ask(struct vm *vm, u32 slot, u32 use, struct vm_vsock_end *end)
{
	*end = (struct vm_vsock_end){.vm = vm,
				     .vm_id = vm->id,
				     .generation = vm->vsock.generation,
				     .slot = slot,
				     .use = use};
	vm_vsock_mark(end, VSOCK_ASKS);
}

void vm_vsock_finish(struct vm_vsock_end *end)
{
	end->ended = true;
	vm_vsock_mark(end, VSOCK_ENDED);
}

void vm_vsock_close(struct vm_vsock_end *end)
{
	vm_vsock_mark(end, VSOCK_GONE);
	end->vm_id = 0;
}
