/* SPDX-License-Identifier: MIT */
/*
 * Keeps the machine channels on ports of VMs (a VM's key `channel`). Called by machine_channel.c
 * each turn. Owns the list of these channels, whose memory is never freed.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/vm/vm_output.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"

static struct machine_channel *on_ports[CONFIG_CHANNEL_MAX];
static u32 count;

struct machine_channel *channel_on_port(u32 number)
{
	return number < count ? on_ports[number] : NULL;
}

static u32 channel_send_port(void *context, const u8 *bytes, u32 length)
{
	const struct channel_port *port = context;
	struct vm *vm = vm_by_id(port->vm_id);

	return vm != NULL ? vm_console_write(vm, port->port, bytes, length) : length;
}

static u32 channel_receive_port(void *context, u8 *byte, u64 *lost)
{
	struct channel_port *port = context;
	struct vm *vm = vm_by_id(port->vm_id);
	u32 read = 0;

	if (vm != NULL)
		read = vm_output_read(vm, port->port, &port->at, &port->lost, byte, 1);
	*lost = port->lost;
	return read;
}

bool channel_port_is(const struct vm *vm, u32 port)
{
	return port != 0 && vm->config.channel[0] != '\0' &&
	       vm_port_find(vm, vm->config.channel) == port;
}

/*
 * Returns the channel of the section of that name, and makes it when a VM has the key for the first
 * time.
 */
static struct machine_channel *channel_get(const char *name)
{
	const struct channel_config *config = config_channel_find(name);
	struct machine_channel *channel;
	u64 at;

	for (u32 i = 0; i < count; i++) {
		if (string_equal(on_ports[i]->name, name))
			return on_ports[i];
	}
	if (config == NULL || count == CONFIG_CHANNEL_MAX ||
	    memory_map(align_up(sizeof(*channel), PAGE_SIZE), &at) != STATUS_OK)
		return NULL;
	channel = (struct machine_channel *)at;
	channel_init(channel, config);
	format(channel->actor, sizeof(channel->actor), "channel %s", channel->name);
	channel->login = (struct login){.name = channel->actor, .open = !login_required()};
	channel->transport = (struct channel_transport){.send = channel_send_port,
							.receive = channel_receive_port,
							.context = &channel->on};
	on_ports[count++] = channel;
	return channel;
}

/*
 * Drops the channel's client with its requests and streams. The VM's guest becomes the new client;
 * NULL: there is none.
 */
static void channel_begin(struct machine_channel *channel, struct vm *vm, u32 port)
{
	channel_forget_client(channel);
	channel->on = (struct channel_port){.vm_id = 0};
	if (vm == NULL)
		return;
	channel->on = (struct channel_port){
		.vm_id = vm->id,
		.boots = vm->boots,
		.port = port,
		/* bytes that the guest wrote before the channel was opened are no requests */
		.at = vm_output_end(vm, port),
	};
	channel->event_cursor = vm_event_last();
	channel->is_open = true;
}

/* Returns the number of the VM's port that is a machine channel, or 0 if none is. */
static u32 channel_port_of(const struct vm *vm)
{
	if (vm->config.channel[0] == '\0' || vm->channel == NULL ||
	    (vm_is_ending(vm) && vm->after == AFTER_REMOVE))
		return 0;
	return vm_port_find(vm, vm->config.channel);
}

static void channel_leave_ports(void)
{
	for (u32 i = 0; i < count; i++) {
		struct machine_channel *channel = on_ports[i];
		const struct vm *vm = vm_by_id(channel->on.vm_id);

		if (channel->on.vm_id != 0 &&
		    (vm == NULL || channel_port_of(vm) != channel->on.port ||
		     !string_equal(vm->config.channel, channel->name)))
			channel_begin(channel, NULL, 0);
	}
}

/*
 * Returns whether the VM may have the channel: a running VM keeps a channel that it has. If VMs
 * took it from each other each turn, no client would be answered.
 */
static bool channel_is_for(const struct machine_channel *channel, const struct vm *vm)
{
	const struct vm *holder = vm_by_id(channel->on.vm_id);

	return holder == NULL || holder == vm || (!vm_is_up(holder) && vm_is_up(vm));
}

void channel_ports_step(void)
{
	channel_leave_ports();
	VM_FOR_EACH(vm) {
		u32 port = channel_port_of(vm);
		struct machine_channel *channel =
			port != 0 ? channel_get(vm->config.channel) : NULL;

		if (channel != NULL && channel_is_for(channel, vm) &&
		    (channel->on.vm_id != vm->id || channel->on.boots != vm->boots))
			channel_begin(channel, vm, port);
	}
}
