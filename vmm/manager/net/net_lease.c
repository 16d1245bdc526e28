/* SPDX-License-Identifier: MIT */
/*
 * Assigns the addresses of networks with `dhcp`. Called by net_vm.c when a VM's cards are linked.
 * Writes vm->lease and a clone's line, and owns the list of the VMs that have one. Sections' ranges
 * do not overlap (config_net.c), so that an address belongs to one card of one network.
 */
#include "vmm/manager/net/net_lease.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/config/boot_config.h"
#include "vmm/manager/config/config_net.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/format.h"

/*
 * More addresses than can be taken: those of all VMs' cards, those that lines of VMs and of
 * sections name, and those of a router, a name server and the DHCP server.
 */
#define TRIES_MAX    ((2 * VM_MAX + CONFIG_VM_MAX) * CONFIG_VM_NET_MAX + 3)
#define ADDRESS_TEXT 16u

/*
 * The VMs that have addresses, whether or not they are linked now. A VM's id is not used again: an
 * entry whose id is no longer that of its slot is free.
 */
static struct lease_holder {
	const struct vm *vm;
	u32 id;
} holders[VM_MAX];

static bool net_lease_is_held(const struct lease_holder *holder)
{
	return holder->id != 0 && holder->vm->id == holder->id;
}

/* Enters the VM into the list, if it is not there: it has as many entries as there can be VMs. */
static void net_lease_hold(const struct vm *vm)
{
	struct lease_holder *free = NULL;

	for (u32 i = 0; i < VM_MAX; i++) {
		if (!net_lease_is_held(&holders[i]))
			free = &holders[i];
		else if (holders[i].vm == vm)
			return;
	}
	if (free != NULL)
		*free = (struct lease_holder){vm, vm->id};
}

/* Returns the VM one of whose other cards has the address, or NULL. */
static const struct vm *net_lease_owner(const struct vm *vm, u32 card, u32 address)
{
	for (u32 place = 0; place < VM_MAX; place++) {
		const struct vm *other = holders[place].vm;

		if (!net_lease_is_held(&holders[place]))
			continue;
		for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++) {
			if ((other != vm || i != card) && other->lease[i] == address)
				return other;
		}
	}
	return NULL;
}

/* Checks an address that the card's own line sets. */
static bool net_lease_take(struct vm *vm, u32 card, const struct net_config *net,
			   const struct net_range *range, char *problem, size_t size)
{
	u32 address = vm->config.net[card].address;
	const struct vm *owner = net_lease_owner(vm, card, address);
	char text[ADDRESS_TEXT];

	address_format_ipv4(address, text, sizeof(text));
	if (!net_range_has(range, __builtin_bswap32(address)))
		format(problem, size, "address=%s is none of the network's, %s; use one of those",
		       text, net->dhcp);
	else if (config_net_whose(net, address) != NULL)
		format(problem, size, "address=%s is that of the network's %s; use another", text,
		       config_net_whose(net, address));
	else if (owner != NULL)
		format(problem, size, "address=%s is that of %s; use another", text,
		       owner->config.name);
	else
		vm->lease[card] = address;
	return vm->lease[card] == address;
}

/* The addresses of a range, among which one is chosen: `tries` from `first` on, round the end. */
struct lease_choice {
	const struct net_range *range;
	u32 count; /* the number of addresses of the range */
	u32 first; /* the first address that is tried, counted from the range's own */
	u32 tries;
	u64 taken[(TRIES_MAX + 63) /
		  64]; /* a bit for each that is not free, counted from `first` */
};

/* Marks the address as taken if it is one of those among which the choice is. */
static void net_lease_mark(struct lease_choice *choice, u32 address)
{
	u32 host = __builtin_bswap32(address);
	u64 at;

	if (!net_range_has(choice->range, host))
		return;
	at = ((u64)host - choice->range->first - 1 + choice->count - choice->first) % choice->count;
	if (at < choice->tries)
		choice->taken[at / 64] |= BIT(at % 64);
}

/* Marks the addresses that lines of a configuration give to cards, but for the card `except`. */
static void net_lease_mark_lines(struct lease_choice *choice, const struct vm_config *config,
				 u32 except)
{
	for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++) {
		if (i != except)
			net_lease_mark(choice, config->net[i].address);
	}
}

/*
 * Marks the addresses that are, or are to be, another card's: those that VMs have, those that their
 * lines name, and those that sections name whose VMs may come later.
 */
static void net_lease_mark_all(struct lease_choice *choice, const struct vm *vm, u32 card)
{
	const struct config *sections = boot_config();

	for (u32 place = 0; place < VM_MAX; place++) {
		const struct vm *other = holders[place].vm;
		u32 except = other == vm ? card : CONFIG_VM_NET_MAX;

		if (!net_lease_is_held(&holders[place]))
			continue;
		for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++) {
			if (i != except)
				net_lease_mark(choice, other->lease[i]);
		}
		net_lease_mark_lines(choice, &other->config, except);
	}
	for (u32 i = 0; i < sections->vm_count; i++)
		net_lease_mark_lines(choice, &sections->vm[i], CONFIG_VM_NET_MAX);
}

/*
 * Chooses the first free address from one on that the VM's name tells: so a VM has, as a rule, the
 * same one after each boot of the host.
 */
static u32 net_lease_choose(const struct vm *vm, u32 card, const struct net_config *net,
			    const struct net_range *range)
{
	static struct lease_choice choice; /* static, as it is too large for the stack */
	char text[CONFIG_NAME_BYTES + 24];
	u8 digest[SHA256_BYTES];
	u32 at;

	sha256_finish(sha256_initial, 0, text,
		      format(text, sizeof(text), "%s address of card %u", vm->config.name, card),
		      digest);
	memcpy(&at, digest, sizeof(at));
	choice = (struct lease_choice){.range = range, .count = range->last - range->first - 1};
	choice.first = at % choice.count;
	choice.tries = MIN(choice.count, TRIES_MAX);
	net_lease_mark(&choice, config_net_address(net->dhcp_router));
	net_lease_mark(&choice, config_net_address(net->dhcp_dns));
	net_lease_mark(&choice, __builtin_bswap32(net_range_server(range)));
	net_lease_mark_all(&choice, vm, card);
	for (u32 i = 0; i < choice.tries; i++) {
		if ((choice.taken[i / 64] & BIT(i % 64)) == 0)
			return __builtin_bswap32(range->first + 1 +
						 (u32)(((u64)choice.first + i) % choice.count));
	}
	return 0;
}

bool net_lease_assign(struct vm *vm, u32 card, u32 *address, char *problem, size_t size)
{
	const struct vm_net *asked = &vm->config.net[card];
	const struct net_config *net = config_net(asked->number - 1u);
	bool routes = (asked->flags & (VM_NET_ANY_SOURCE | VM_NET_TRUNK)) != 0;
	struct net_range range;

	*address = asked->address;
	net_lease_hold(vm);
	if (!config_net_range(net, &range) || (routes && asked->address == 0))
		return true;
	if (asked->address != 0 && vm->clone_of == 0) {
		vm->lease[card] = 0;
		return net_lease_take(vm, card, net, &range, problem, size);
	}
	if (!net_range_has(&range, __builtin_bswap32(vm->lease[card])))
		vm->lease[card] = net_lease_choose(vm, card, net, &range);
	*address = vm->lease[card];
	/*
	 * The line of a clone has the address of the VM that it was cloned from. It is forgotten,
	 * as the clone could not boot anew with it.
	 */
	if (!routes)
		vm->config.net[card].address = 0;
	if (*address == 0)
		format(problem, size, "none of the addresses of dhcp = %s is free; give it more",
		       net->dhcp);
	return *address != 0;
}

struct net_lease net_lease_of(const struct net_config *net, u32 address)
{
	struct net_range range;

	if (address == 0 || !config_net_range(net, &range))
		return (struct net_lease){0};
	return (struct net_lease){
		.address = address,
		.mask = __builtin_bswap32(~(range.first ^ range.last)),
		.server = __builtin_bswap32(net_range_server(&range)),
		.router = config_net_address(net->dhcp_router),
		.dns = config_net_address(net->dhcp_dns),
	};
}
