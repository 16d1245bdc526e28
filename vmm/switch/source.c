/* SPDX-License-Identifier: MIT */
#include "vmm/switch/source.h"

#include "vmm/switch/bytes.h"
#include "vmm/switch/mac_table.h"

#define L3_AT		14u
#define IPV4_BYTES	20u
#define IPV4_SOURCE_AT	12u
/* ARP of IPv4 over Ethernet (RFC 826): fixed fields, the sender's two addresses, the target's. */
#define ARP_BYTES	28u
#define ARP_FORM_AT	0u
#define ARP_FORM	0x00010800u
#define ARP_LENGTHS_AT	4u
#define ARP_LENGTHS	0x0604u
#define ARP_SENDER_MAC_AT 8u
#define ARP_SENDER_AT	14u

static bool is_group(u64 mac)
{
	return (mac & 1) != 0;
}

bool source_learn(const struct packet *packet, u64 mac)
{
	const struct port *from = packet->from;

	if (is_group(mac) || mac == 0 || (port_sets.holders & BIT(from->index)) == 0)
		return false;
	/* a trunk's own address is its own in all VLANs */
	if (port_sets.trunks != 0 &&
	    mac_table_find(mac_table_key(mac, MAC_TABLE_ANY_VLAN)) != MAC_TABLE_NOBODY)
		return false;
	return mac_table_learn(from->index, mac_table_key(mac, packet->vlan));
}

static u32 address_at(const u8 *at)
{
	u32 address;

	__builtin_memcpy(&address, at, sizeof(address));
	return address;
}

/* Nothing but IPv4 and ARP, for whatever else may carry other addresses. */
bool source_has_address(const struct packet *packet, u64 mac)
{
	const u8 *l3 = packet->head + L3_AT;
	u32 there = packet->head_bytes - L3_AT;

	if (packet->type == ETHER_IPV4)
		return there >= IPV4_BYTES &&
		       address_at(l3 + IPV4_SOURCE_AT) == packet->from->address;
	return packet->type == ETHER_ARP && there >= ARP_BYTES &&
	       bytes_get32(l3 + ARP_FORM_AT) == ARP_FORM &&
	       bytes_get16(l3 + ARP_LENGTHS_AT) == ARP_LENGTHS &&
	       bytes_get_mac(l3 + ARP_SENDER_MAC_AT) == mac &&
	       address_at(l3 + ARP_SENDER_AT) == packet->from->address;
}
