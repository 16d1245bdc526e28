/* SPDX-License-Identifier: MIT */
/*
 * Opens the links to the switch ports that the manager gave the VM. Called by machine_setup.c; maps
 * each link's memory and binds its signals to the machine's queue.
 */
#include "vmm/monitor/life/net_open.h"

#include "lib/bits.h"
#include "vmm/monitor/machine/machine.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static void net_ring(void *context)
{
	(void)sys_event_signal((handle_t)(uintptr_t)context);
}

static enum status net_bind(const struct machine *machine, u32 number, u64 key)
{
	return sys_object_bind(start_handle_of(START_NET_BELL, number), machine->queue, key);
}

static enum status net_open_one(struct machine *machine, const struct start_entry *entry, u64 key)
{
	struct virtio_net *net = &machine->net[machine->net_count];
	handle_t doorbell = start_handle_of(START_NET_DOORBELL, entry->value);

	virtio_net_open(net, (struct link_memory *)(uintptr_t)entry->offset, net_ring,
			(void *)(uintptr_t)doorbell);
	net->number = (u32)entry->value;
	machine->net_count++;
	return net_bind(machine, net->number, key);
}

enum status net_bind_all(struct machine *machine, u64 key)
{
	enum status status = STATUS_OK;

	for (u32 i = 0; i < machine->net_count && status == STATUS_OK; i++)
		status = net_bind(machine, machine->net[i].number, key);
	return status;
}

enum status net_open_all(struct machine *machine, u64 key)
{
	enum status status;
	u64 count = 0;
	u64 at = 0;

	for (const struct start_entry *entry = start_find(START_NET); entry != NULL;
	     entry = start_next(entry))
		count++;
	if (count == 0)
		return STATUS_OK;
	if (count > VIRTIO_NET_MAX)
		return STATUS_TOO_BIG;
	status = memory_map(align_up(count * sizeof(*machine->net), PAGE_SIZE), &at);
	machine->net = (struct virtio_net *)(uintptr_t)at;
	for (const struct start_entry *entry = start_find(START_NET);
	     entry != NULL && status == STATUS_OK; entry = start_next(entry)) {
		status = entry->value < VIRTIO_NET_MAX ? net_open_one(machine, entry, key)
						       : STATUS_BAD_ARGUMENT;
	}
	return status;
}
