/* SPDX-License-Identifier: MIT */
/*
 * Answers a guest's DHCP messages (RFC 2131) and its ARP requests for the DHCP server. Called by
 * virtio_net_send.c for each frame of a guest with a lease. Holds no state: an address is the
 * card's for as long as the VM exists, so that there is nothing to remember of a client.
 */
#include "vmm/monitor/virtio/virtio_net_dhcp.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/io/bytes.h"
#include "vmm/io/checksum.h"

/* Ethernet */
#define TYPE_AT	  12u
#define L3_AT	  14u
#define TYPE_IPV4 0x0800u
#define TYPE_ARP  0x0806u
/* the server's MAC address, a local one: 02:53:6b:65:72:72 */
#define SERVER_MAC 0x7272656b5302ull
/* ARP of IPv4 over Ethernet (RFC 826) */
#define ARP_BYTES     28u
#define ARP_FORM      0x00010800u
#define ARP_LENGTHS   0x0604u
#define ARP_REQUEST   1u
#define ARP_REPLY     2u
#define ARP_KIND_AT   6u
#define ARP_SENDER_AT 8u
#define ARP_SENDER_IP 14u
#define ARP_TARGET_AT 18u
#define ARP_TARGET_IP 24u
/* IPv4 (RFC 791, 3.1) and UDP (RFC 768) */
#define IPV4_BYTES	 20u
#define IPV4_BYTES_MAX	 60u
#define IPV4_FRAGMENT	 0x3fffu /* the offset of a fragment, and the bit that more follow */
#define IPV4_OFFSET	 0x1fffu
#define IPV4_DO_NOT_CUT	 0x4000u
#define IPV4_HOPS	 64u
#define IP_UDP		 17u
#define IPV4_LENGTH_AT	 2u
#define IPV4_FRAGMENT_AT 6u
#define IPV4_HOPS_AT	 8u
#define IPV4_PROTOCOL_AT 9u
#define IPV4_CHECKSUM_AT 10u
#define IPV4_SOURCE_AT	 12u
#define IPV4_TARGET_AT	 16u
#define UDP_BYTES	 8u
#define UDP_TARGET_AT	 2u
#define UDP_LENGTH_AT	 4u
#define UDP_CHECKSUM_AT	 6u
#define PORT_SERVER	 67u
#define PORT_CLIENT	 68u
/* A DHCP message (RFC 2131, 2). */
#define DHCP_FIXED_BYTES 240u
#define DHCP_REQUEST	 1u
#define DHCP_REPLY	 2u
#define DHCP_ETHERNET	 0x0106u /* the kind of address, and its length */
#define DHCP_COOKIE	 0x63825363u
#define DHCP_KIND_AT	 1u
#define DHCP_XID_AT	 4u
#define DHCP_FLAGS_AT	 10u
#define DHCP_CLIENT_AT	 12u
#define DHCP_YOURS_AT	 16u
#define DHCP_RELAY_AT	 24u
#define DHCP_CHADDR_AT	 28u
#define DHCP_COOKIE_AT	 236u
#define DHCP_BROADCAST	 0x8000u
/* size of the answer's options, with the end mark and padding */
#define DHCP_OPTIONS_BYTES 60u
#define DHCP_ANSWER_BYTES  (DHCP_FIXED_BYTES + DHCP_OPTIONS_BYTES)
#define UDP_ANSWER_BYTES   (UDP_BYTES + DHCP_ANSWER_BYTES)
/* the bytes of a message that are looked at: its options end within 312 bytes, as a rule */
#define DHCP_HEARD_BYTES 768u
#define UDP_AT		 (L3_AT + IPV4_BYTES)
#define DHCP_AT		 (UDP_AT + UDP_BYTES)
_Static_assert(NET_DHCP_ANSWER_BYTES == DHCP_AT + DHCP_ANSWER_BYTES, "an answer has its room");

/* RFC 2132 */
enum dhcp_option {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_WANTED = 50,
	OPTION_SECONDS = 51,
	OPTION_KIND = 53,
	OPTION_SERVER = 54,
	OPTION_END = 255,
};

enum dhcp_kind {
	DHCP_NONE,
	DHCP_DISCOVER,
	DHCP_OFFER,
	DHCP_WANT, /* DHCPREQUEST */
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
};

/* The monitor's own copy of a guest's IPv4 packet. */
struct dhcp_packet {
	u32 bytes; /* the length in the packet's header, or that of the copied part */
	u32 udp;   /* where its UDP header is */
	u8 ip[IPV4_BYTES_MAX + UDP_BYTES + DHCP_HEARD_BYTES];
};

/* The contents of a client's message. Addresses are in a frame's order of bytes. */
struct dhcp_message {
	const u8 *fixed;
	enum dhcp_kind kind;
	u32 wanted; /* the address that the client asks for, or has; 0: none */
	u32 server; /* the server that the client has chosen; 0: none */
};

static u32 dhcp_get_address(const u8 *at)
{
	u32 address;

	memcpy(&address, at, sizeof(address));
	return address;
}

/* Returns the sum over a UDP datagram and the part of the IPv4 header that counts with it. */
static u64 dhcp_udp_sum(const u8 *ip, u32 udp, u32 bytes)
{
	const u8 words[4] = {0, IP_UDP, (u8)(bytes >> 8), (u8)bytes};
	u64 sum = checksum_add(0, words, sizeof(words));

	sum = checksum_add(sum, ip + IPV4_SOURCE_AT, 2 * sizeof(u32));
	return checksum_add(sum, ip + udp, bytes);
}

static void dhcp_put_ether(u8 *answer, u64 to, u16 type)
{
	bytes_put_mac(answer, to);
	bytes_put_mac(answer + NET_MAC_BYTES, SERVER_MAC);
	bytes_put16(answer + TYPE_AT, type);
}

/* Takes an ARP request for the server's address; only the card's own address gets an answer. */
static bool dhcp_take_arp(const struct net_lease *lease, u64 mac, const u8 *frame, u8 *answer,
			  u32 *answer_bytes)
{
	u8 asked[ARP_BYTES];
	u8 *arp = answer + L3_AT;

	memcpy(asked, frame + L3_AT, sizeof(asked));
	if (bytes_get32(asked) != ARP_FORM || bytes_get16(asked + 4) != ARP_LENGTHS ||
	    bytes_get16(asked + ARP_KIND_AT) != ARP_REQUEST ||
	    dhcp_get_address(asked + ARP_TARGET_IP) != lease->server)
		return false;
	if (bytes_get_mac(asked + ARP_SENDER_AT) != mac)
		return true;
	dhcp_put_ether(answer, mac, TYPE_ARP);
	memcpy(arp, asked, ARP_BYTES);
	bytes_put16(arp + ARP_KIND_AT, ARP_REPLY);
	bytes_put_mac(arp + ARP_SENDER_AT, SERVER_MAC);
	memcpy(arp + ARP_SENDER_IP, asked + ARP_TARGET_IP, sizeof(u32));
	memcpy(arp + ARP_TARGET_AT, asked + ARP_SENDER_AT, NET_MAC_BYTES);
	memcpy(arp + ARP_TARGET_IP, asked + ARP_SENDER_IP, sizeof(u32));
	*answer_bytes = L3_AT + ARP_BYTES;
	return true;
}

/*
 * Copies the packet and returns whether it begins a datagram for a DHCP server. The first fragment
 * has the ports: a datagram whose first fragment goes nowhere is never whole.
 */
static bool dhcp_is_for_server(struct dhcp_packet *packet, const u8 *frame, u32 bytes)
{
	u32 header = (frame[L3_AT] & 15u) * 4;

	/*
	 * most datagrams are for other receivers, and are not copied; the fields of the others are
	 * read again from the copy
	 */
	if (L3_AT + header + UDP_BYTES > bytes ||
	    bytes_get16(frame + L3_AT + header + UDP_TARGET_AT) != PORT_SERVER)
		return false;
	packet->bytes = MIN(bytes - L3_AT, (u32)sizeof(packet->ip));
	memcpy(packet->ip, frame + L3_AT, packet->bytes);
	if (packet->bytes < IPV4_BYTES + UDP_BYTES || packet->ip[0] >> 4 != 4)
		return false;
	header = (packet->ip[0] & 15u) * 4;
	packet->udp = header;
	return header >= IPV4_BYTES && header + UDP_BYTES <= packet->bytes &&
	       packet->ip[IPV4_PROTOCOL_AT] == IP_UDP &&
	       (bytes_get16(packet->ip + IPV4_FRAGMENT_AT) & IPV4_OFFSET) == 0 &&
	       bytes_get16(packet->ip + header + UDP_TARGET_AT) == PORT_SERVER;
}

/* Returns whether the packet is whole and its lengths and checksums are true. */
static bool dhcp_is_sound(struct dhcp_packet *packet, bool checksum_due)
{
	const u8 *udp = packet->ip + packet->udp;
	u32 length = bytes_get16(packet->ip + IPV4_LENGTH_AT);
	u32 datagram = bytes_get16(udp + UDP_LENGTH_AT);

	if ((bytes_get16(packet->ip + IPV4_FRAGMENT_AT) & IPV4_FRAGMENT) != 0 ||
	    length > packet->bytes || length < packet->udp + UDP_BYTES + DHCP_FIXED_BYTES ||
	    datagram < UDP_BYTES + DHCP_FIXED_BYTES || datagram > length - packet->udp ||
	    checksum_fold(checksum_add(0, packet->ip, packet->udp)) != CHECKSUM_RIGHT)
		return false;
	packet->bytes = packet->udp + datagram;
	return checksum_due || bytes_get16(udp + UDP_CHECKSUM_AT) == 0 ||
	       checksum_fold(dhcp_udp_sum(packet->ip, packet->udp, datagram)) == CHECKSUM_RIGHT;
}

static void dhcp_read_option(struct dhcp_message *message, u8 code, const u8 *value, u32 bytes)
{
	if (code == OPTION_KIND && bytes == 1)
		message->kind = value[0] <= DHCP_INFORM ? (enum dhcp_kind)value[0] : DHCP_NONE;
	else if (code == OPTION_WANTED && bytes == sizeof(u32))
		message->wanted = dhcp_get_address(value);
	else if (code == OPTION_SERVER && bytes == sizeof(u32))
		message->server = dhcp_get_address(value);
}

/* Reads the options as far as they are whole; each takes two bytes or more but for a pad. */
static void dhcp_read_options(struct dhcp_message *message, const u8 *at, u32 left)
{
	while (left >= 2 && at[0] != OPTION_END) {
		u32 bytes = at[0] == OPTION_PAD ? 1 : 2u + at[1];

		if (bytes > left)
			return;
		if (at[0] != OPTION_PAD)
			dhcp_read_option(message, at[0], at + 2, bytes - 2);
		at += bytes;
		left -= bytes;
	}
}

/* Reads a request of the card's own client, which no relay has sent on. */
static bool dhcp_read(const struct dhcp_packet *packet, u64 mac, struct dhcp_message *message)
{
	const u8 *fixed = packet->ip + packet->udp + UDP_BYTES;

	*message = (struct dhcp_message){.fixed = fixed};
	if (fixed[0] != DHCP_REQUEST || bytes_get16(fixed + DHCP_KIND_AT) != DHCP_ETHERNET ||
	    bytes_get32(fixed + DHCP_COOKIE_AT) != DHCP_COOKIE ||
	    bytes_get_mac(fixed + DHCP_CHADDR_AT) != mac ||
	    dhcp_get_address(fixed + DHCP_RELAY_AT) != 0)
		return false;
	dhcp_read_options(message, fixed + DHCP_FIXED_BYTES,
			  packet->bytes - packet->udp - UDP_BYTES - DHCP_FIXED_BYTES);
	return true;
}

/* Returns the kind of the answer to a message (RFC 2131, 4.3), or DHCP_NONE. */
static enum dhcp_kind dhcp_answer_to(const struct net_lease *lease,
				     const struct dhcp_message *message)
{
	u32 has = dhcp_get_address(message->fixed + DHCP_CLIENT_AT);
	u32 wanted = message->wanted != 0 ? message->wanted : has;

	switch (message->kind) {
	case DHCP_DISCOVER:
		return DHCP_OFFER;
	case DHCP_WANT:
		if ((message->server != 0 && message->server != lease->server) || wanted == 0)
			return DHCP_NONE;
		return wanted == lease->address ? DHCP_ACK : DHCP_NAK;
	case DHCP_INFORM:
		return has == lease->address ? DHCP_ACK : DHCP_NONE;
	default:
		return DHCP_NONE; /* the card keeps its address even if its guest declines it */
	}
}

static u8 *dhcp_put_option(u8 *at, enum dhcp_option code, u32 address)
{
	if (address == 0)
		return at;
	at[0] = (u8)code;
	at[1] = sizeof(address);
	memcpy(at + 2, &address, sizeof(address));
	return at + 2 + sizeof(address);
}

static void dhcp_put_options(u8 *at, const struct net_lease *lease,
			     const struct dhcp_message *message, enum dhcp_kind kind)
{
	*at++ = OPTION_KIND;
	*at++ = 1;
	*at++ = (u8)kind;
	at = dhcp_put_option(at, OPTION_SERVER, lease->server);
	if (kind != DHCP_NAK) {
		at = dhcp_put_option(at, OPTION_MASK, lease->mask);
		at = dhcp_put_option(at, OPTION_ROUTER, lease->router);
		at = dhcp_put_option(at, OPTION_DNS, lease->dns);
		if (message->kind != DHCP_INFORM)
			at = dhcp_put_option(at, OPTION_SECONDS,
					     __builtin_bswap32(NET_LEASE_SECONDS));
	}
	*at = OPTION_END;
}

/* Returns the address to which the answer goes (RFC 2131, 4.1). */
static u32 dhcp_target(const struct net_lease *lease, const struct dhcp_message *message,
		       enum dhcp_kind kind)
{
	u32 has = dhcp_get_address(message->fixed + DHCP_CLIENT_AT);

	if (kind == DHCP_NAK)
		return ~0u;
	if (has != 0)
		return has;
	return (bytes_get16(message->fixed + DHCP_FLAGS_AT) & DHCP_BROADCAST) != 0 ? ~0u
										   : lease->address;
}

static void dhcp_put_headers(u8 *answer, const struct net_lease *lease, u64 mac, u32 target)
{
	u8 *ip = answer + L3_AT;

	dhcp_put_ether(answer, target == ~0u ? BROADCAST_MAC : mac, TYPE_IPV4);
	ip[0] = 0x45;
	bytes_put16(ip + IPV4_LENGTH_AT, IPV4_BYTES + UDP_ANSWER_BYTES);
	bytes_put16(ip + IPV4_FRAGMENT_AT, IPV4_DO_NOT_CUT);
	ip[IPV4_HOPS_AT] = IPV4_HOPS;
	ip[IPV4_PROTOCOL_AT] = IP_UDP;
	memcpy(ip + IPV4_SOURCE_AT, &lease->server, sizeof(u32));
	memcpy(ip + IPV4_TARGET_AT, &target, sizeof(u32));
	checksum_put(ip + IPV4_CHECKSUM_AT, checksum_add(0, ip, IPV4_BYTES));
	bytes_put16(ip + IPV4_BYTES, PORT_SERVER);
	bytes_put16(ip + IPV4_BYTES + UDP_TARGET_AT, PORT_CLIENT);
	bytes_put16(ip + IPV4_BYTES + UDP_LENGTH_AT, UDP_ANSWER_BYTES);
}

static void dhcp_put_answer(u8 *answer, const struct net_lease *lease, u64 mac,
			    const struct dhcp_message *message, enum dhcp_kind kind)
{
	u8 *dhcp = answer + DHCP_AT;

	memset(answer, 0, NET_DHCP_ANSWER_BYTES);
	dhcp[0] = DHCP_REPLY;
	bytes_put16(dhcp + DHCP_KIND_AT, DHCP_ETHERNET);
	memcpy(dhcp + DHCP_XID_AT, message->fixed + DHCP_XID_AT, sizeof(u32));
	memcpy(dhcp + DHCP_FLAGS_AT, message->fixed + DHCP_FLAGS_AT, sizeof(u16));
	bytes_put_mac(dhcp + DHCP_CHADDR_AT, mac);
	if (kind == DHCP_ACK)
		memcpy(dhcp + DHCP_CLIENT_AT, message->fixed + DHCP_CLIENT_AT, sizeof(u32));
	if (kind != DHCP_NAK && message->kind != DHCP_INFORM)
		memcpy(dhcp + DHCP_YOURS_AT, &lease->address, sizeof(u32));
	bytes_put32(dhcp + DHCP_COOKIE_AT, DHCP_COOKIE);
	dhcp_put_options(dhcp + DHCP_FIXED_BYTES, lease, message, kind);
	dhcp_put_headers(answer, lease, mac, dhcp_target(lease, message, kind));
	checksum_put(answer + UDP_AT + UDP_CHECKSUM_AT,
		     dhcp_udp_sum(answer + L3_AT, IPV4_BYTES, UDP_ANSWER_BYTES));
}

bool net_dhcp_take(const struct net_lease *lease, u64 mac, const u8 *frame, u32 bytes,
		   bool checksum_due, u8 answer[NET_DHCP_ANSWER_BYTES], u32 *answer_bytes)
{
	u16 type = bytes_get16(frame + TYPE_AT);
	struct dhcp_message message;
	/* not initialized, as the struct is too large to be cleared for each frame */
	struct dhcp_packet packet;
	enum dhcp_kind kind;

	*answer_bytes = 0;
	if (type == TYPE_ARP && bytes >= L3_AT + ARP_BYTES)
		return dhcp_take_arp(lease, mac, frame, answer, answer_bytes);
	if (type != TYPE_IPV4 || bytes < L3_AT + IPV4_BYTES ||
	    frame[L3_AT + IPV4_PROTOCOL_AT] != IP_UDP || !dhcp_is_for_server(&packet, frame, bytes))
		return false;
	if (!dhcp_is_sound(&packet, checksum_due) || !dhcp_read(&packet, mac, &message))
		return true;
	kind = dhcp_answer_to(lease, &message);
	if (kind != DHCP_NONE) {
		dhcp_put_answer(answer, lease, mac, &message, kind);
		*answer_bytes = NET_DHCP_ANSWER_BYTES;
	}
	return true;
}
