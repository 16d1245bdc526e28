/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes the key `net.egress` of a VM, the list of what its cards may send to:
 * `net.egress = 10.0.2.5:443/tcp, 10.1.0.0/16`. Called by config_keys.c, config_text.c and
 * config_check.c; holds no state.
 */
#include "vmm/manager/config/config_lists.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/format.h"

#define ADDRESS_BITS	  32u
#define ADDRESS_IPV4_TEXT 16u
#define PORT_MAX	  65535u

static const struct {
	const char *name;
	u8 number;
	bool has_ports;
} protocols[] = {
	{"tcp", 6, true},
	{"udp", 17, true},
	{"icmp", 1, false},
	{"arp", NET_EGRESS_ARP, false},
};

/* Reads an address, and the bits behind it unless there are none; the other bits must be 0. */
static bool config_egress_range(struct text address, struct text bits, struct net_egress *entry)
{
	u64 count = ADDRESS_BITS;

	if (bits.length != 0 && (!parse_u64(bits, &count) || count > ADDRESS_BITS))
		return false;
	if (count == 0)
		return text_equal(address, "0.0.0.0");
	entry->mask = __builtin_bswap32(~0u << (ADDRESS_BITS - (u32)count));
	return parse_ipv4(address, &entry->address) && (entry->address & ~entry->mask) == 0;
}

/* Reads the protocol's name, and PORT or FIRST-LAST unless `ports` is empty. */
static bool config_egress_service(struct text ports, struct text name, struct net_egress *entry)
{
	struct text from;
	struct text to;
	u64 first = 0;
	u64 last = PORT_MAX;
	u32 i = 0;

	while (i < ARRAY_COUNT(protocols) && !text_equal(name, protocols[i].name))
		i++;
	if (i == ARRAY_COUNT(protocols) || (ports.length != 0 && !protocols[i].has_ports))
		return false;
	if (ports.length != 0) {
		if (!config_split(ports, '-', &from, &to))
			to = from;
		if (!parse_u64(from, &first) || !parse_u64(to, &last) || first == 0 ||
		    last > PORT_MAX || first > last)
			return false;
	}
	entry->protocol = protocols[i].number;
	entry->first = (u16)first;
	entry->last = (u16)last;
	return true;
}

/* Reads ADDRESS[/BITS][/PROTOCOL], or ADDRESS[/BITS]:PORTS/PROTOCOL. */
static bool config_egress_entry(struct text text, struct net_egress *entry)
{
	struct text host;
	struct text service;
	struct text address;
	struct text rest;
	struct text bits = {text.start, 0};
	struct text ports = {text.start, 0};
	bool has_ports = config_split(text, ':', &host, &service);
	bool has_more = config_split(host, '/', &address, &rest);

	*entry = (struct net_egress){.last = PORT_MAX};
	if (has_more && rest.length != 0 && char_is_digit(rest.start[0]))
		has_more = config_split(rest, '/', &bits, &rest);
	if (!config_egress_range(address, bits, entry) || (has_ports && has_more))
		return false;
	if (has_ports && (!config_split(service, '/', &ports, &rest) || ports.length == 0))
		return false;
	return (!has_ports && !has_more) || config_egress_service(ports, rest, entry);
}

bool config_parse_egress(struct text text, struct net_egress_list *list)
{
	struct text rest = text;
	struct text part;
	bool more = !text_equal(text, "none");

	*list = (struct net_egress_list){.listed = 0};
	if (text_equal(text, "any"))
		return true;
	list->listed = 1;
	while (more) {
		more = config_split(rest, ',', &part, &rest);
		if (list->count == CONFIG_EGRESS_MAX ||
		    !config_egress_entry(text_trim(part), &list->entry[list->count]))
			return false;
		list->count++;
	}
	return true;
}

/*
 * Returns whether `outer` lets out all that `entry` does. The switch lets ARP out for each host
 * that an entry names, whatever else may go there.
 */
static bool config_egress_covers(const struct net_egress *outer, const struct net_egress *entry)
{
	if ((outer->mask & ~entry->mask) != 0 || (entry->address & outer->mask) != outer->address)
		return false;
	return entry->protocol == NET_EGRESS_ARP ||
	       ((outer->protocol == NET_EGRESS_ANY || outer->protocol == entry->protocol) &&
		outer->first <= entry->first && outer->last >= entry->last);
}

bool config_egress_within(const struct net_egress_list *list, const struct net_egress_list *outer)
{
	if (outer->listed == 0 || list->listed == 0)
		return outer->listed == 0;
	for (u32 i = 0; i < list->count; i++) {
		u32 at = 0;

		while (at < outer->count &&
		       !config_egress_covers(&outer->entry[at], &list->entry[i]))
			at++;
		if (at == outer->count)
			return false;
	}
	return true;
}

static size_t config_egress_entry_text(const struct net_egress *entry, char *buffer, size_t size)
{
	char address[ADDRESS_IPV4_TEXT];
	size_t length;
	u32 i = 0;

	address_format_ipv4(entry->address, address, sizeof(address));
	length = format(buffer, size, "%s", address);
	if (entry->mask != ~0u)
		length += format(buffer + length, size - length, "/%u",
				 (u32)__builtin_clz(~__builtin_bswap32(entry->mask)));
	if (entry->first != 0)
		length += format(buffer + length, size - length,
				 entry->last != entry->first ? ":%u-%u" : ":%u", entry->first,
				 entry->last);
	while (i < ARRAY_COUNT(protocols) && protocols[i].number != entry->protocol)
		i++;
	return i == ARRAY_COUNT(protocols)
		       ? length
		       : length + format(buffer + length, size - length, "/%s", protocols[i].name);
}

void config_egress_text(const struct net_egress_list *list, char *buffer, size_t size)
{
	size_t length = 0;

	string_copy(buffer, size, list->listed == 0 ? "any" : "none");
	for (u32 i = 0; i < list->count && length < size; i++) {
		length += format(buffer + length, size - length, "%s", i > 0 ? ", " : "");
		length += config_egress_entry_text(&list->entry[i], buffer + length, size - length);
	}
}

bool config_egress_wrong(const struct vm_config *vm, char *problem, size_t size)
{
	for (u32 i = 0; vm->egress.listed != 0 && i < CONFIG_VM_NET_MAX; i++) {
		if ((vm->net[i].flags & (VM_NET_ANY_SOURCE | VM_NET_TRUNK)) == 0)
			continue;
		format(problem, size,
		       "VM %s: net.egress does not go with a card that is %s; leave that out, or "
		       "set "
		       "net.egress = any",
		       vm->name, (vm->net[i].flags & VM_NET_TRUNK) != 0 ? "trunk" : "any_source");
		return true;
	}
	return false;
}
