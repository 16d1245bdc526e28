/* SPDX-License-Identifier: MIT */
/*
 * Connects guests' socket devices with each other where the configuration of both VMs says so
 * (`vsock.peers`), and moves the bytes. Called by vm_vsock.c, the event loop and `vsock list`. Owns
 * `peers` of each VM; both VMs' shared areas are touched by vm_vsock.c alone.
 */
#include "vmm/manager/vm/vm.h"

#include "lib/string.h"

/* the number of connections of all VMs: while there are none, no turn looks for them */
static u32 open_links;

/* Returns the entry by which the VM names the other one and the port, or VSOCK_PEERS_MAX. */
static u32 vm_peers_find(const struct vm *vm, const struct vm *other, u32 port)
{
	u32 i = 0;

	while (i < VSOCK_PEERS_MAX &&
	       (port == 0 || vm->config.vsock_peer[i].port != port ||
		!string_equal(vm->config.vsock_peer[i].name, other->config.name)))
		i++;
	return i;
}

static bool vm_peers_is_up(const struct vm *vm)
{
	return vm->vsock.area != NULL && vm->state == VM_RUNNING;
}

enum vm_peers_state vm_peers_state(const struct vm *vm, u32 entry, struct vm **peer)
{
	*peer = vm_find(vm->config.vsock_peer[entry].name);
	if (*peer == NULL || *peer == vm)
		return VM_PEERS_NO_VM;
	if (!vm->config.vsock || !(*peer)->config.vsock ||
	    vm_peers_find(*peer, vm, vm->config.vsock_peer[entry].port) == VSOCK_PEERS_MAX)
		return VM_PEERS_ONE_SIDED;
	return vm_peers_is_up(vm) && vm_peers_is_up(*peer) ? VM_PEERS_READY : VM_PEERS_DOWN;
}

/* Returns how many connections were opened to the VM by that entry. */
static u32 vm_peers_opened(const struct vm *vm, u32 entry)
{
	u32 count = 0;

	for (u32 i = 0; entry < VSOCK_PEERS_MAX && i < VSOCK_PEER_CONNECTIONS; i++)
		count += vm->peers.link[entry][i].open;
	return count;
}

u32 vm_peers_count(const struct vm *vm, u32 entry)
{
	const struct vm_peer *named = &vm->config.vsock_peer[entry];
	const struct vm *peer = vm_find(named->name);

	return vm_peers_opened(vm, entry) +
	       (peer != NULL ? vm_peers_opened(peer, vm_peers_find(peer, vm, named->port)) : 0);
}

/* --- calls --- */

bool vm_peers_take(struct vm *caller, u32 cid, u32 port, u32 slot, u32 use)
{
	struct vm *callee = vm_by_id(cid - VSOCK_CID_FIRST + 1);
	struct vm_peer_link *link = NULL;
	struct vm *named;
	u32 own;
	u32 entry;

	if (cid < VSOCK_CID_FIRST || callee == NULL || callee == caller)
		return false;
	own = vm_peers_find(caller, callee, port);
	if (own == VSOCK_PEERS_MAX || vm_peers_state(caller, own, &named) != VM_PEERS_READY)
		return false;
	entry = vm_peers_find(callee, caller, port);
	for (u32 i = 0; i < VSOCK_PEER_CONNECTIONS && link == NULL; i++)
		if (!callee->peers.link[entry][i].open)
			link = &callee->peers.link[entry][i];
	if (link == NULL)
		return false;
	*link = (struct vm_peer_link){.open = true};
	if (!vm_vsock_call(callee, (u32)vm_vsock_cid(caller), port, &link->callee)) {
		link->open = false;
		return false;
	}
	vm_vsock_ask(caller, slot, use, &link->caller);
	callee->peers.open++;
	open_links++;
	return true;
}

/* Ends a connection at both ends; `vm` is the VM that keeps it. */
static void vm_peers_close(struct vm *vm, struct vm_peer_link *link)
{
	vm_vsock_close(&link->caller);
	vm_vsock_close(&link->callee);
	link->open = false;
	vm->peers.open--;
	open_links--;
}

void vm_peers_drop(struct vm *vm)
{
	for (u32 entry = 0; entry < VSOCK_PEERS_MAX; entry++)
		for (u32 i = 0; i < VSOCK_PEER_CONNECTIONS; i++)
			if (vm->peers.link[entry][i].open)
				vm_peers_close(vm, &vm->peers.link[entry][i]);
}

/* --- open connections --- */

/*
 * Moves bytes from one end to the other, as many as have room there, and behind the last the end.
 * `state` is that of the end they come from, read before. Returns whether the end was moved: bytes
 * alone are no reason for another turn, as a monitor signals when there are more of them or more
 * room, and its signals are held to a rate.
 */
static bool vm_peers_move(struct vm_vsock_end *from, enum vm_vsock_state state,
			  struct vm_vsock_end *to)
{
	static u8 bytes[VSOCK_RING_BYTES];
	u32 count = to->ended ? 0 : vm_vsock_read(from, bytes, vm_vsock_room(to));

	vm_vsock_write(to, bytes, count);
	if (state < VM_VSOCK_ENDED || to->ended || vm_vsock_has_bytes(from))
		return false;
	vm_vsock_finish(to);
	return true;
}

/*
 * Returns whether nothing is left to do for an end whose guest has closed it: all that the guest
 * had written has reached the other guest, or that has closed its end, too.
 */
static bool vm_peers_is_done(enum vm_vsock_state state, const struct vm_vsock_end *other,
			     enum vm_vsock_state other_state)
{
	return state == VM_VSOCK_DONE &&
	       (other_state == VM_VSOCK_DONE ||
		(other->ended && vm_vsock_room(other) == VSOCK_RING_BYTES));
}

/* Accepts what the caller's guest asks once the called guest has accepted it. */
static bool vm_peers_answer(struct vm *vm, struct vm_peer_link *link)
{
	enum vm_vsock_state callee = vm_vsock_state(&link->callee);

	if (callee == VM_VSOCK_WAITS && vm_vsock_still_asks(&link->caller))
		return false;
	link->answered = true;
	if (callee < VM_VSOCK_OPEN || callee == VM_VSOCK_RESET ||
	    !vm_vsock_still_asks(&link->caller) || !vm_vsock_answer(&link->caller))
		vm_peers_close(vm, link);
	return true;
}

static bool vm_peers_step_link(struct vm *vm, struct vm_peer_link *link)
{
	enum vm_vsock_state caller;
	enum vm_vsock_state callee;
	bool ended;

	if (!link->answered)
		return vm_peers_answer(vm, link);
	/* the states are read before the bytes: so all that was written before an end is seen */
	caller = vm_vsock_state(&link->caller);
	callee = vm_vsock_state(&link->callee);
	if (caller == VM_VSOCK_RESET || callee == VM_VSOCK_RESET ||
	    vm_peers_is_done(caller, &link->callee, callee) ||
	    vm_peers_is_done(callee, &link->caller, caller)) {
		vm_peers_close(vm, link);
		return true;
	}
	if (caller == VM_VSOCK_WAITS)
		return false;
	ended = vm_peers_move(&link->caller, caller, &link->callee);
	ended |= vm_peers_move(&link->callee, callee, &link->caller);
	return ended;
}

static bool vm_peers_step_vm(struct vm *vm)
{
	bool more = false;

	for (u32 entry = 0; entry < VSOCK_PEERS_MAX; entry++)
		for (u32 i = 0; i < VSOCK_PEER_CONNECTIONS; i++)
			if (vm->peers.link[entry][i].open)
				more |= vm_peers_step_link(vm, &vm->peers.link[entry][i]);
	return more;
}

bool vm_peers_step(void)
{
	bool more = false;

	if (open_links == 0)
		return false;
	VM_FOR_EACH(vm) {
		if (vm->peers.open != 0)
			more |= vm_peers_step_vm(vm);
	}
	return more;
}
