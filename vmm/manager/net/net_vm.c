/* SPDX-License-Identifier: MIT */
/*
 * Makes and ends the ports of VMs' cards, and derives the cards' addresses. Called by
 * vmm/manager/vm. Writes vm->port; the switch serves the ports.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/config_net.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/notice.h"
#include "vmm/manager/net/net.h"
#include "vmm/manager/net/net_lease.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

/* Pages that the link of a VM's card takes besides its memory: page tables, events. */
#define LINK_EXTRA_PAGES 16u
/* the bit of the first byte that says that no maker has assigned the address */
#define MAC_LOCAL 2u
#define MAC_GROUP 1u

u64 net_mac(const struct vm_config *config, u32 card)
{
	char text[CONFIG_NAME_BYTES + 16];
	u8 digest[SHA256_BYTES];
	u64 mac = 0;

	if (config->net[card].mac != 0)
		return config->net[card].mac;
	sha256_finish(sha256_initial, 0, text,
		      format(text, sizeof(text), "%s card %u", config->name, card), digest);
	memcpy(&mac, digest, NET_MAC_BYTES);
	return (mac | MAC_LOCAL) & ~(u64)MAC_GROUP;
}

/* Returns why the network cannot be used now, or NULL if it can. */
static const char *net_find_problem(const struct net *net)
{
	if (net == NULL || !net->config->section.declared)
		return "there is no section [net] of that name";
	if (net->config->section.broken)
		return "its section has a mistake";
	if (net->bridge == NULL)
		return net->problem;
	return net->bridge->life == DRIVER_LIFE_FAILED ? net->bridge->reason : NULL;
}

/* Returns the link of the card that has the MAC address on the network, or NULL. */
static const struct driver_link *net_find_mac(const struct net *net, u64 mac)
{
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		const struct driver_link *link = &net->bridge->link[i];

		if (link->used && link->port.mac == mac)
			return link;
	}
	return NULL;
}

static struct share_given net_limit_of(const struct vm_config *config)
{
	return (struct share_given){
		.units = config->net_packets,
		.bytes = config->net_bytes,
		.burst = config->net_burst,
		.weight = config->net_weight,
	};
}

/*
 * Takes over what the VM's cards may send to, and on a network with `dhcp.router` ARP for that. The
 * list is of one address, so the card needs one. Returns false, with the reason, if it has none.
 */
static bool net_list_egress(const struct vm *vm, const struct net_config *net,
			    struct net_port *port, char *problem, size_t size)
{
	struct net_egress_list *list = &port->egress;
	u32 router = config_net_address(net->dhcp_router);

	*list = vm->config.egress;
	if (list->listed == 0)
		return true;
	if (port->address == 0) {
		format(problem, size,
		       "net.egress needs the card's address; set address= behind the network's "
		       "name, "
		       "or dhcp in the network's section");
		return false;
	}
	if (router != 0)
		list->entry[list->count++] = (struct net_egress){
			.address = router, .mask = ~0u, .protocol = NET_EGRESS_ARP};
	return true;
}

static u32 net_port_flags(u32 flags)
{
	return ((flags & VM_NET_PRIVATE) != 0 ? (u32)NET_PORT_PRIVATE : 0) |
	       ((flags & VM_NET_TRUNK) != 0 ? (u32)NET_PORT_TRUNK : 0) |
	       ((flags & VM_NET_ANY_SOURCE) != 0 ? (u32)NET_PORT_ANY_SOURCE : 0);
}

static struct driver_link *net_attach(struct vm *vm, u32 card, char *problem, size_t size)
{
	const struct vm_net *asked = &vm->config.net[card];
	const struct net *net = net_at(asked->number - 1u);
	const char *why = net_find_problem(net);
	struct driver_link wanted = {
		.section = asked->number - 1u,
		.fails = true,
		.port = {.mac = net_mac(&vm->config, card),
			 .flags = net_port_flags(asked->flags),
			 .vlan = asked->vlan,
			 .secret = net_port_secret(),
			 .limit = net_limit_of(&vm->config)},
	};
	const struct driver_link *other;

	if (why != NULL) {
		format(problem, size, "%s", why);
		return NULL;
	}
	wanted.port.flags |= net_dhcp_flag(net->config);
	other = net_find_mac(net, wanted.port.mac);
	if (other != NULL) {
		format(problem, size, "its address is that of %s; each card needs its own, %s",
		       other->user,
		       vm->origin != NULL ? "net= names another network" : "mac= sets it");
		return NULL;
	}
	if (!net_lease_assign(vm, card, &wanted.port.address, problem, size) ||
	    !net_list_egress(vm, net->config, &wanted.port, problem, size))
		return NULL;
	string_copy(wanted.user, sizeof(wanted.user), vm->config.name);
	return driver_link_make(net->bridge, vm->group, &wanted, problem, size);
}

bool net_attach_all(struct vm *vm, char *problem, size_t size)
{
	char why[sizeof(((struct net *)NULL)->problem)];

	for (u32 i = 0; i < CONFIG_VM_NET_MAX && vm->config.net[i].number != 0; i++) {
		const struct vm_net *asked = &vm->config.net[i];
		const char *name = config_net(asked->number - 1u)->section.name;

		vm->port[i] = net_attach(vm, i, why, sizeof(why));
		if (vm->port[i] != NULL)
			continue;
		if ((asked->flags & VM_NET_OPTIONAL) == 0) {
			format(problem, size, "net %s: %s", name, why);
			return false;
		}
		log_message(LOG_WARNING, LOG_VM, vm->config.name, "starts without net %s: %s", name,
			    why);
		notice("%s: starts without net %s: %s\n", vm->config.name, name, why);
	}
	return true;
}

void net_give_all(const struct vm *vm, struct process_build *build)
{
	for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++) {
		if (vm->port[i] != NULL)
			driver_link_give(build, vm->port[i], START_NET, i,
					 config_net(vm->port[i]->section)->section.name);
	}
}

bool net_detach_all(struct vm *vm)
{
	bool all = true;

	for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++)
		all &= driver_link_end_at(&vm->port[i]);
	return all;
}

u64 net_pages(const struct vm_config *config)
{
	u64 count = 0;

	while (count < CONFIG_VM_NET_MAX && config->net[count].number != 0)
		count++;
	return count * (FRAMES_LINK_BYTES / PAGE_SIZE + LINK_EXTRA_PAGES);
}

void net_limit_all(struct vm *vm)
{
	for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++) {
		if (vm->port[i] == NULL)
			continue;
		vm->port[i]->port.limit = net_limit_of(&vm->config);
		driver_link_fill(vm->port[i]);
	}
}
