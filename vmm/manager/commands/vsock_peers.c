/* SPDX-License-Identifier: MIT */
/*
 * The command `vsock peers`: shows which guests may have connections with each other by the key
 * `vsock.peers`, and why others may not. Run by command.c; only reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm.h"

static const char *command_vsock_peers_state(enum vm_peers_state state)
{
	switch (state) {
	case VM_PEERS_NO_VM:
		return "no-vm";
	case VM_PEERS_ONE_SIDED:
		return "one-sided";
	case VM_PEERS_DOWN:
		return "down";
	default:
		return "ready";
	}
}

static void command_vsock_peers_show(struct reply *reply, const struct vm *vm, u32 entry)
{
	const struct vm_peer *named = &vm->config.vsock_peer[entry];
	struct vm *peer;
	const char *state = command_vsock_peers_state(vm_peers_state(vm, entry, &peer));
	u32 count = vm_peers_count(vm, entry);
	u64 cid = peer != NULL && peer->config.vsock ? vm_vsock_cid(peer) : 0;

	if (!reply->json) {
		reply_line(reply, "%-16s %-16s %10u %-9s %10llu %5u", vm->config.name, named->name,
			   named->port, state, (unsigned long long)cid, count);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "peer", named->name);
	json_u64(&reply->object, "port", named->port);
	json_string(&reply->object, "state", state);
	if (cid != 0)
		json_u64(&reply->object, "cid", cid);
	else
		json_null(&reply->object, "cid");
	json_u64(&reply->object, "connections", count);
	reply_object_end(reply);
}

static void command_vsock_peers_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-16s %10s %-9s %10s %5s", "NAME", "PEER", "PORT", "STATE",
			   "CID", "CONNS");
	VM_FOR_EACH(vm) {
		for (u32 i = 0; i < VSOCK_PEERS_MAX && vm->config.vsock_peer[i].port != 0; i++)
			command_vsock_peers_show(reply, vm, i);
	}
}

COMMAND(vsock_peers,
	.name = "vsock peers",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "the guests that may have connections with each other",
	.detail = "STATE is ready, down while one of the two VMs does not run, one-sided if the\n"
		  "peer does not name this VM and the port, or no-vm. CID is the peer's address.",
	.example = "vsock peers",
	.keys = "name peer port state cid connections",
	.run = command_vsock_peers_run);
