/* SPDX-License-Identifier: MIT */
/*
 * Warns when guests share a network with a VM that has a machine channel: that VM commands Skerry,
 * and guests on its network are the nearest possible attackers. Called by vm_build.c once a VM's
 * networks are attached. Only reads the networks' ports and the configuration.
 */
#include "vmm/manager/vm/process/vm_net_shared.h"
#include "lib/string.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/format.h"

#define NOTE_BYTES 256u

static bool vm_net_has_channel(const struct vm *vm)
{
	const struct channel_config *channel = config_channel_find(vm->config.channel);

	return channel != NULL && channel->rights != 0;
}

/* Returns whether the port receives frames of the VLAN, as the switch decides it (port_carries). */
static bool vm_net_carries(const struct net_port *port, u16 vlan)
{
	return port->vlan == vlan || ((port->flags & NET_PORT_TRUNK) != 0 && vlan != 0);
}

static bool vm_net_ports_meet(const struct net_port *one, const struct net_port *other)
{
	return (one->flags & other->flags & NET_PORT_PRIVATE) == 0 &&
	       (vm_net_carries(one, other->vlan) || vm_net_carries(other, one->vlan));
}

static void vm_net_tell_shared(const char *net, const struct vm *guest, const struct vm *service,
			       const struct net_port *port)
{
	const char *name = service->config.name;
	char note[NOTE_BYTES];

	format(note, sizeof(note),
	       "net %s: %s is on it beside %s, which has the machine channel %s%s; a [net] for %s "
	       "alone keeps guests away",
	       net, guest->config.name, name, service->config.channel,
	       port->address == 0 ? ", and can take its IPv4 address; address= prevents that" : "",
	       name);
	log_message(LOG_WARNING, LOG_VM, guest->config.name, "%s", note);
	notice("warning: %s\n", note);
}

static void vm_net_warn_beside(const struct net *net, const struct vm *vm,
			       const struct driver_link *link)
{
	bool serves = vm_net_has_channel(vm);
	const char *name = net->config->section.name;

	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		const struct driver_link *other = &net->bridge->link[i];
		const struct vm *its;

		if (!other->used || other == link ||
		    (other->port.flags & (NET_PORT_UPLINK | NET_PORT_MIRROR)) != 0 ||
		    !vm_net_ports_meet(&link->port, &other->port))
			continue;
		its = vm_find(other->user);
		if (its == NULL || vm_net_has_channel(its) == serves)
			continue;
		if (serves)
			vm_net_tell_shared(name, its, vm, &link->port);
		else
			vm_net_tell_shared(name, vm, its, &other->port);
		return;
	}
}

void vm_net_warn_shared(const struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_NET_MAX && vm->config.net[i].number != 0; i++)
		if (vm->port[i] != NULL)
			vm_net_warn_beside(net_at(vm->config.net[i].number - 1u), vm, vm->port[i]);
}
