/* SPDX-License-Identifier: MIT */
/*
 * Reads the key `vsock.peers` of a VM, the guests and ports with which its guest may have
 * connections: `vsock.peers = beta:5000, gamma:6000`. Called by config_keys.c and config_check.c;
 * holds no state.
 */
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

/* Reads VM:PORT. The highest number means any port, to Linux. */
static bool config_peers_entry(struct text text, struct vm_peer *peer)
{
	struct text name;
	struct text port;
	u64 number;

	if (!config_split(text, ':', &name, &port) || !config_name_valid(name) ||
	    !parse_u64(port, &number) || number == 0 || number >= ~0u)
		return false;
	peer->port = (u32)number;
	return text_copy(peer->name, sizeof(peer->name), name);
}

bool config_parse_peers(struct text text, struct vm_peer *peers)
{
	struct text rest = text;
	struct text part;
	bool more = !text_equal(text, "none");

	for (u32 count = 0; more; count++) {
		more = config_split(rest, ',', &part, &rest);
		if (count == VSOCK_PEERS_MAX || !config_peers_entry(text_trim(part), &peers[count]))
			return false;
		for (u32 i = 0; i < count; i++) {
			if (peers[i].port == peers[count].port &&
			    string_equal(peers[i].name, peers[count].name))
				return false;
		}
	}
	return true;
}

bool config_peers_wrong(const struct vm_config *vm, char *problem, size_t size)
{
	if (vm->vsock_peer[0].port != 0 && !vm->vsock) {
		format(problem, size, "VM %s: vsock.peers needs a socket device; set vsock = yes",
		       vm->name);
		return true;
	}
	for (u32 i = 0; i < VSOCK_PEERS_MAX; i++) {
		if (!string_equal(vm->vsock_peer[i].name, vm->name))
			continue;
		format(problem, size,
		       "VM %s: vsock.peers names the VM itself; name another VM, as its programs "
		       "need no peer to talk to each other",
		       vm->name);
		return true;
	}
	return false;
}
