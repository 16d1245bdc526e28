/* SPDX-License-Identifier: MIT */
/*
 * The guest's network cards. No card is driven while the template waits at the gate; in a clone
 * that has its own random numbers the driver begins anew, so that it finds the clone's own hardware
 * address, and each card takes an address by DHCP (RFC 2131). The gate calls it.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "iso/init/gate.h"

enum {
	NET_DEVICES = 32, /* virtio devices whose kind is looked at */
	NET_CARDS = 8,
	NET_TRIES = 40,
	NET_WAIT_US = 100000, /* how long one try waits for an answer */
	NET_MAC_BYTES = 6,
	DHCP_SERVER = 67,
	DHCP_CLIENT = 68,
	DHCP_OPTIONS_BYTES = 312,
};

enum dhcp_option {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_WANTED = 50,
	OPTION_KIND = 53,
	OPTION_SERVER = 54,
	OPTION_END = 255,
};

enum dhcp_kind { DHCP_NONE, DHCP_DISCOVER, DHCP_OFFER, DHCP_WANT, DHCP_ACK = 5, DHCP_NAK };

/* A message (RFC 2131, 2); addresses and other numbers have the high byte first. */
struct dhcp_message {
	uint8_t operation, hardware_kind, hardware_bytes, hops;
	uint8_t number[4];
	uint8_t seconds[2], flags[2];
	uint32_t client, yours, next, relay;
	uint8_t hardware[16], names[192];
	uint8_t cookie[4];
	uint8_t options[DHCP_OPTIONS_BYTES];
};
_Static_assert(offsetof(struct dhcp_message, options) == 240, "RFC 2131, 2");

static const uint8_t dhcp_cookie[4] = {99, 130, 83, 99};

/* What a server has said last, with addresses as in a message; 0: it has not said this. */
struct net_lease {
	uint8_t kind;
	uint32_t address, mask, router, dns, server;
};

/* A message of ARP for IPv4 over Ethernet (RFC 826), as it is on the wire. */
struct arp_message {
	uint8_t form[8]; /* kinds and lengths of addresses, and what the message is */
	uint8_t mac[NET_MAC_BYTES], address[4];
	uint8_t asked_mac[NET_MAC_BYTES], asked[4];
};
_Static_assert(sizeof(struct arp_message) == 28, "nothing lies between");

static uint32_t net_cards; /* a bit for each virtio device that is a card, by its number */

/* Writes a decimal number of up to three digits. Returns the end, where it has put a 0. */
static char *net_put_number(char *at, unsigned number)
{
	for (unsigned unit = number > 99 ? 100 : number > 9 ? 10 : 1; unit > 0; unit /= 10)
		*at++ = (char)('0' + number / unit % 10);
	*at = '\0';
	return at;
}

bool net_find_cards(void)
{
	static const char start[] = "/sys/bus/virtio/devices/virtio", end[] = "/device";
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	char path[sizeof(start) + 3 + sizeof(end)], kind[8];
	long socket = CALL(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CALL(ioctl, socket, SIOCSIFFLAGS, &loopback);
	CALL(close, socket);
	memcpy(path, start, sizeof(start));
	for (unsigned i = 0; i < NET_DEVICES; i++) {
		memcpy(net_put_number(path + sizeof(start) - 1, i), end, sizeof(end));
		if (file_read(path, kind, sizeof(kind)) >= 7 && text_begins(kind, "0x0001\n"))
			net_cards |= 1u << i;
	}
	return net_cards != 0;
}

/* Writes the name of each card to `control`, a file by which the driver takes or leaves cards. */
static void net_tell_driver(const char *control)
{
	for (unsigned i = 0; i < NET_DEVICES; i++) {
		char name[12] = "virtio";

		net_put_number(name + 6, i);
		if ((net_cards & 1u << i) != 0)
			file_write(control, name, (uint32_t)text_length(name));
	}
}

void net_leave_cards(void)
{
	net_tell_driver("/sys/bus/virtio/drivers/virtio_net/unbind");
}

static uint8_t *dhcp_put_option(uint8_t *at, enum dhcp_option code, const void *value,
				uint8_t count)
{
	at[0] = (uint8_t)code;
	at[1] = count;
	memcpy(at + 2, value, count);
	return at + 2 + count;
}

/* Sends a server the wish for an offer, or, once `lease` is an offer, for what it offers. */
static void dhcp_ask(long socket, const struct dhcp_message *head, const struct net_lease *lease)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = __builtin_bswap16(DHCP_SERVER)};
	uint8_t kind = lease->kind == DHCP_OFFER ? DHCP_WANT : DHCP_DISCOVER;
	struct dhcp_message message = *head;
	struct iovec bytes = {&message, sizeof(message)};
	struct msghdr whole = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &bytes, .msg_iovlen = 1};
	uint8_t *at = dhcp_put_option(message.options, OPTION_KIND, &kind, 1);

	to.sin_addr.s_addr = INADDR_BROADCAST;
	if (kind == DHCP_WANT) {
		at = dhcp_put_option(at, OPTION_WANTED, &lease->address, 4);
		at = dhcp_put_option(at, OPTION_SERVER, &lease->server, 4);
	}
	*at = OPTION_END;
	CALL(sendmsg, socket, &whole, 0);
}

/* Keeps the first address of an option that a lease has a place for. */
static void dhcp_take_option(struct net_lease *lease, uint8_t code, const uint8_t *value)
{
	uint32_t *wanted = code == OPTION_MASK	   ? &lease->mask
			   : code == OPTION_ROUTER ? &lease->router
			   : code == OPTION_DNS	   ? &lease->dns
			   : code == OPTION_SERVER ? &lease->server
						   : NULL;

	if (wanted != NULL)
		memcpy(wanted, value, sizeof(*wanted));
}

/* Reads `count` bytes into `lease`. Returns false if they are no answer to the message `head`. */
static bool dhcp_take(const struct dhcp_message *head, const struct dhcp_message *message,
		      long count, struct net_lease *lease)
{
	const uint8_t *at = message->options, *end = (const uint8_t *)message + count;

	if (count < (long)offsetof(struct dhcp_message, options) || message->operation != 2 ||
	    gate_number(message->number, 4) != gate_number(head->number, 4) ||
	    gate_number(message->cookie, 4) != gate_number(dhcp_cookie, 4))
		return false;
	*lease = (struct net_lease){.address = message->yours};
	while (end - at >= 2 && at[0] != OPTION_END) {
		long bytes = at[0] == OPTION_PAD ? 1 : 2 + at[1];

		if (bytes > end - at)
			break;
		if (at[0] == OPTION_KIND && bytes == 3)
			lease->kind = at[2];
		else if (bytes >= 6)
			dhcp_take_option(lease, at[0], at + 2);
		at += bytes;
	}
	return true;
}

/* Asks servers until one has given a lease. Returns false when none has after NET_TRIES tries. */
static bool net_ask(long socket, const uint8_t *mac, struct net_lease *lease)
{
	static struct dhcp_message answer;
	struct dhcp_message head = {
		.operation = 1,
		.hardware_kind = 1,
		.hardware_bytes = NET_MAC_BYTES,
		.flags = {0x80}}; /* no address yet: the answer is a broadcast */

	memcpy(head.hardware, mac, NET_MAC_BYTES);
	memcpy(head.cookie, dhcp_cookie, sizeof(dhcp_cookie));
	CALL(getrandom, head.number, sizeof(head.number));
	*lease = (struct net_lease){0};
	for (int i = 0; i < NET_TRIES; i++) {
		long count;

		dhcp_ask(socket, &head, lease);
		count = CALL(read, socket, &answer, sizeof(answer));
		if (dhcp_take(&head, &answer, count, lease) && lease->kind == DHCP_ACK)
			return lease->address != 0;
	}
	return false;
}

/* Sets an address of the card, or its mask, by the ioctl `request`. */
static void net_set(long socket, struct ifreq *card, long request, uint32_t address)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = address};

	memcpy(&card->ifr_addr, &in, sizeof(in));
	CALL(ioctl, socket, request, card);
}

static void net_set_router(long socket, uint32_t router)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = router};
	struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY,
				.rt_dst.sa_family = AF_INET,
				.rt_genmask.sa_family = AF_INET};

	memcpy(&route.rt_gateway, &in, sizeof(in));
	CALL(ioctl, socket, SIOCADDRT, &route);
}

/* Returns the question for one's own address, which says that one has it (RFC 5227, 2.3). */
static struct arp_message arp_announcement(const uint8_t *mac, uint32_t address)
{
	struct arp_message message = {.form = {0, 1, 8, 0, NET_MAC_BYTES, 4, 0, 1}};

	memcpy(message.mac, mac, sizeof(message.mac));
	memcpy(message.address, &address, sizeof(message.address));
	memcpy(message.asked, &address, sizeof(message.asked));
	return message;
}

/*
 * Tells the network whose the address is from now on: a run that had it before may be known there
 * yet, and who connects would wait until that is forgotten.
 */
static void net_announce(struct ifreq *card, const uint8_t *mac, uint32_t address)
{
	struct arp_message message = arp_announcement(mac, address);
	struct iovec bytes = {&message, sizeof(message)};
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = __builtin_bswap16(ETH_P_ARP),
				 .sll_halen = NET_MAC_BYTES,
				 .sll_addr = {255, 255, 255, 255, 255, 255}};
	struct msghdr whole = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &bytes, .msg_iovlen = 1};
	long socket = CALL(socket, AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (CALL(ioctl, socket, SIOCGIFINDEX, card) == 0) {
		to.sll_ifindex = card->ifr_ifindex;
		CALL(sendmsg, socket, &whole, 0);
	}
	CALL(close, socket);
}

static void net_set_dns(uint32_t dns)
{
	char text[32] = "nameserver ", *at = text + 11;

	for (unsigned i = 0; i < 4; i++) {
		at = net_put_number(at, dns >> 8 * i & 255);
		*at++ = i < 3 ? '.' : '\n';
	}
	file_replace("/etc/resolv.conf", text, (uint32_t)(at - text));
}

/* Brings the card up and gives it what it is leased. Returns false when nobody leases anything. */
static bool net_begin_card(long socket, struct ifreq *card, const uint8_t *mac)
{
	struct sockaddr_in any = {.sin_family = AF_INET,
				  .sin_port = __builtin_bswap16(DHCP_CLIENT)};
	struct timeval wait = {.tv_usec = NET_WAIT_US};
	struct net_lease lease;
	int on = 1;

	card->ifr_flags = IFF_UP;
	CALL(ioctl, socket, SIOCSIFFLAGS, card);
	CALL(setsockopt, socket, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	CALL(setsockopt, socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	CALL(setsockopt, socket, SOL_SOCKET, SO_BINDTODEVICE, card->ifr_name, IFNAMSIZ);
	if (CALL(bind, socket, &any, sizeof(any)) != 0 || !net_ask(socket, mac, &lease))
		return false;
	net_set(socket, card, SIOCSIFADDR, lease.address);
	if (lease.mask != 0)
		net_set(socket, card, SIOCSIFNETMASK, lease.mask);
	net_announce(card, mac, lease.address);
	if (lease.router != 0)
		net_set_router(socket, lease.router);
	if (lease.dns != 0)
		net_set_dns(lease.dns);
	return true;
}

bool net_begin(void)
{
	bool wanted = net_cards != 0, done = true;

	if (wanted)
		net_tell_driver("/sys/bus/virtio/drivers/virtio_net/bind");
	net_cards = 0;
	for (unsigned i = 0; wanted && i < NET_CARDS && done; i++) {
		struct ifreq card = {.ifr_name = {'e', 't', 'h', (char)('0' + i)}};
		long socket = CALL(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		uint8_t mac[NET_MAC_BYTES];
		bool there = CALL(ioctl, socket, SIOCGIFHWADDR, &card) == 0;

		memcpy(mac, card.ifr_hwaddr.sa_data, sizeof(mac));
		done = there ? net_begin_card(socket, &card, mac) : i > 0;
		CALL(close, socket);
		if (!there)
			break;
	}
	return done;
}
