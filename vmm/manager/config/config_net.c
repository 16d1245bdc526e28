/* SPDX-License-Identifier: MIT */
/*
 * Reads and checks which addresses a section [net NAME] assigns by DHCP. Called by config.c at the
 * section's end, and by vmm/manager/net. Holds no state.
 */
#include "vmm/manager/config/config_net.h"

#include "lib/bits.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define BITS_MIN     8u
#define BITS_MAX     29u /* six addresses for hosts, one of which is the DHCP server's */
#define ADDRESS_TEXT 20u

/* Reads ADDRESS/BITS; *host is what of the address is behind the bits. */
static bool config_net_read(const char *words, struct net_range *range, u32 *host)
{
	struct text address;
	struct text bits;
	u32 number;
	u64 count;
	u32 mask;

	if (!config_split(text_of(words), '/', &address, &bits) || !parse_ipv4(address, &number) ||
	    !parse_u64(bits, &count) || count < BITS_MIN || count > BITS_MAX)
		return false;
	mask = ~0u << (32 - (u32)count);
	number = __builtin_bswap32(number);
	range->first = number & mask;
	range->last = number | ~mask;
	*host = number & ~mask;
	return true;
}

bool config_net_range(const struct net_config *net, struct net_range *range)
{
	u32 host;

	return config_net_read(net->dhcp, range, &host) && host == 0;
}

u32 config_net_address(const char *text)
{
	u32 address;

	return parse_ipv4(text_of(text), &address) ? address : 0;
}

/* Writes the range's first address, its host bits cleared, as the configuration has it. */
static const char *config_net_range_text(const struct net_range *range, char text[ADDRESS_TEXT])
{
	char address[ADDRESS_TEXT];

	address_format_ipv4(__builtin_bswap32(range->first), address, sizeof(address));
	format(text, ADDRESS_TEXT, "%s/%u", address,
	       (u32)__builtin_clz(range->first ^ range->last));
	return text;
}

/* Returns another network whose addresses are also among these, or NULL. */
static const struct net_config *config_net_other(const struct net_config *net,
						 const struct net_range *range)
{
	const struct net_config *other;
	struct net_range its;

	for (u32 i = 0; (other = config_net(i)) != NULL; i++) {
		if (other != net && config_net_range(other, &its) && its.first <= range->last &&
		    range->first <= its.last)
			return other;
	}
	return NULL;
}

/* Says what is wrong with dhcp.router or dhcp.dns; returns false if nothing is. */
static bool config_net_host_wrong(const struct net_config *net, const char *key, const char *value,
				  bool inside, char *problem, size_t size)
{
	u32 address = __builtin_bswap32(config_net_address(value));
	struct net_range range;
	char text[ADDRESS_TEXT];

	if (value[0] == '\0')
		return false;
	if (!config_net_range(net, &range))
		format(problem, size, "net %s: %s is for a network with dhcp; set that, too",
		       net->section.name, key);
	else if (address == 0)
		format(problem, size,
		       "net %s: %s = %s is not valid; use an address such as 10.7.0.1",
		       net->section.name, key, value);
	else if (inside && !net_range_has(&range, address))
		format(problem, size,
		       "net %s: %s = %s is none of the addresses of %s; use one of them",
		       net->section.name, key, value, config_net_range_text(&range, text));
	else if (address == net_range_server(&range))
		format(problem, size,
		       "net %s: %s = %s is the DHCP server's own address, the last one of %s; use "
		       "another",
		       net->section.name, key, value, config_net_range_text(&range, text));
	else
		return false;
	return true;
}

bool config_net_check(const struct net_config *net, char *problem, size_t size)
{
	const struct net_config *other;
	struct net_range range;
	char text[ADDRESS_TEXT];
	u32 host = 0;

	if (net->dhcp[0] != '\0' && !config_net_read(net->dhcp, &range, &host)) {
		format(problem, size,
		       "net %s: dhcp = %s is not valid; use addresses such as 10.7.0.0/16, with /8 "
		       "to /29",
		       net->section.name, net->dhcp);
		return false;
	}
	if (host != 0) {
		format(problem, size, "net %s: dhcp = %s is the address of one host; use %s",
		       net->section.name, net->dhcp, config_net_range_text(&range, text));
		return false;
	}
	if (config_net_host_wrong(net, "dhcp.router", net->dhcp_router, true, problem, size) ||
	    config_net_host_wrong(net, "dhcp.dns", net->dhcp_dns, false, problem, size))
		return false;
	other = net->dhcp[0] != '\0' ? config_net_other(net, &range) : NULL;
	if (other == NULL)
		return true;
	format(problem, size,
	       "net %s: dhcp = %s has addresses that are also in dhcp = %s of net %s; use others",
	       net->section.name, net->dhcp, other->dhcp, other->section.name);
	return false;
}

const char *config_net_whose(const struct net_config *net, u32 address)
{
	struct net_range range;

	if (address == 0 || !config_net_range(net, &range))
		return NULL;
	if (address == config_net_address(net->dhcp_router))
		return "router";
	if (address == config_net_address(net->dhcp_dns))
		return "name server";
	return __builtin_bswap32(address) == net_range_server(&range) ? "DHCP server" : NULL;
}

bool config_net_check_cards(const struct vm_config *vm, char *problem, size_t size)
{
	char text[ADDRESS_TEXT];

	for (u32 i = 0; i < CONFIG_VM_NET_MAX && vm->net[i].number != 0; i++) {
		const struct net_config *net = config_net(vm->net[i].number - 1u);
		const char *whose = net != NULL ? config_net_whose(net, vm->net[i].address) : NULL;

		if (whose == NULL)
			continue;
		address_format_ipv4(vm->net[i].address, text, sizeof(text));
		format(problem, size, "VM %s: address=%s is that of the %s of net %s; use another",
		       vm->name, text, whose, net->section.name);
		return false;
	}
	return true;
}
