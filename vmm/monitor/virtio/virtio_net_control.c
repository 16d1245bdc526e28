/* SPDX-License-Identifier: MIT */
/*
 * The control queue (virtio 1.2, 5.1.6.5), by which the guest decides which frames it receives.
 * Called by virtio_net.c and virtio_net_receive.c; owns the card's filters.
 */
#include "vmm/monitor/virtio/virtio_net_parts.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/io/bytes.h"

#define NET_CONTROL_BURST 64u /* the most commands that one call handles */
/* the number of bytes before a command's data: its class and its number */
#define NET_HEAD_BYTES 2u

enum net_ack { NET_ACK_OK, NET_ACK_ERROR };
enum net_control_class {
	NET_CLASS_RECEIVE = 0,
	NET_CLASS_MAC = 1,
	NET_CLASS_VLAN = 2,
	NET_CLASS_ANNOUNCE = 3,
	NET_CLASS_PAIRS = 4,
};

enum net_mac_command { NET_MAC_TABLE_SET, NET_MAC_ADDRESS_SET };
enum net_vlan_command { NET_VLAN_ADD, NET_VLAN_DELETE };

#define NET_RECEIVE_COMMANDS 6u /* the number of commands for which enum net_mode has bits */
/* how many of the commands in enum net_mode exist without NET_F_CTRL_RX_EXTRA */
#define NET_RECEIVE_PLAIN 2u

/* Offsets in a frame with a VLAN tag (IEEE 802.1Q). */
#define NET_TAG_AT    14u
#define NET_VLAN_MASK 0xfffu
#define NET_MAC_ALL   NET_MAC_MASK /* the broadcast address */

/* A control command of the guest whose data are read piece by piece. */
struct net_command {
	const struct guest_memory *memory;
	const struct virtio_chain *chain;
	u64 at;
};

static bool net_take(struct net_command *command, void *to, u32 bytes)
{
	if (virtio_chain_read(command->memory, command->chain, command->at, to, bytes) != bytes)
		return false;
	command->at += bytes;
	return true;
}

static u64 net_left_of(const struct net_command *command)
{
	return command->chain->readable_bytes - command->at;
}

static bool net_set_mode(struct virtio_net *net, struct net_command *command, u8 number)
{
	u32 known = virtio_has(&net->virtio, NET_F_CTRL_RX_EXTRA) ? NET_RECEIVE_COMMANDS
								  : NET_RECEIVE_PLAIN;
	u8 on;

	if (!virtio_has(&net->virtio, NET_F_CTRL_RX) || number >= known ||
	    !net_take(command, &on, 1))
		return false;
	if (on != 0)
		net->state.mode |= (u8)(1u << number);
	else
		net->state.mode &= (u8) ~(1u << number);
	return true;
}

/*
 * Reads a table of MAC addresses from a command. If there are too many for it, all addresses of
 * that kind pass.
 */
static bool net_take_addresses(struct net_command *command, struct net_addresses *to)
{
	u32 count;

	if (!net_take(command, &count, sizeof(count)) ||
	    net_left_of(command) / NET_MAC_BYTES < count)
		return false;
	to->count = MIN(count, VIRTIO_NET_ADDRESSES + 1);
	for (u32 i = 0; i < count && count <= VIRTIO_NET_ADDRESSES; i++) {
		to->mac[i] = 0;
		if (!net_take(command, &to->mac[i], NET_MAC_BYTES))
			return false;
	}
	if (count > VIRTIO_NET_ADDRESSES)
		command->at += (u64)count * NET_MAC_BYTES;
	return true;
}

/* Sets the tables of unicast and multicast addresses from a command, both or neither. */
static bool net_set_table(struct virtio_net *net, struct net_command *command)
{
	struct net_addresses unicast = {0};
	struct net_addresses multicast = {0};

	if (!virtio_has(&net->virtio, NET_F_CTRL_RX) || !net_take_addresses(command, &unicast) ||
	    !net_take_addresses(command, &multicast) || net_left_of(command) != 0)
		return false;
	net->state.unicast = unicast;
	net->state.multicast = multicast;
	return true;
}

static bool net_set_address(struct virtio_net *net, struct net_command *command)
{
	u64 mac = 0;

	if (!virtio_has(&net->virtio, NET_F_CTRL_MAC_ADDR) ||
	    net_left_of(command) != NET_MAC_BYTES || !net_take(command, &mac, NET_MAC_BYTES) ||
	    mac == 0 || (mac & NET_MAC_MULTICAST) != 0)
		return false;
	net->state.mac = mac;
	return true;
}

static bool net_set_vlan(struct virtio_net *net, struct net_command *command, u8 number)
{
	u64 *word;
	u16 vlan;

	if (!virtio_has(&net->virtio, NET_F_CTRL_VLAN) || number > NET_VLAN_DELETE ||
	    !net_take(command, &vlan, sizeof(vlan)) || vlan >= VIRTIO_NET_VLANS)
		return false;
	word = &net->state.vlan[vlan / 64];
	*word = number == NET_VLAN_ADD ? *word | BIT(vlan % 64) : *word & ~BIT(vlan % 64);
	return true;
}

static bool net_set_pairs(struct virtio_net *net, struct net_command *command, u8 number)
{
	u16 pairs;

	if (!virtio_has(&net->virtio, NET_F_MQ) || number != 0 ||
	    !net_take(command, &pairs, sizeof(pairs)) || pairs == 0 || pairs > net->pairs)
		return false;
	net->state.pairs = (u8)pairs;
	return true;
}

static bool net_announced(struct virtio_net *net, u8 number)
{
	if (!virtio_has(&net->virtio, NET_F_GUEST_ANNOUNCE) || number != 0)
		return false;
	net->state.announce = 0;
	return true;
}

static bool net_handle_command(struct virtio_net *net, const struct virtio_chain *chain)
{
	struct net_command command = {net->virtio.memory, chain, 0};
	u8 head[NET_HEAD_BYTES];

	if (!net_take(&command, head, sizeof(head)))
		return false;
	switch (head[0]) {
	case NET_CLASS_RECEIVE:
		return net_set_mode(net, &command, head[1]);
	case NET_CLASS_MAC:
		return head[1] == NET_MAC_TABLE_SET	? net_set_table(net, &command)
		       : head[1] == NET_MAC_ADDRESS_SET ? net_set_address(net, &command)
							: false;
	case NET_CLASS_VLAN:
		return net_set_vlan(net, &command, head[1]);
	case NET_CLASS_ANNOUNCE:
		return net_announced(net, head[1]);
	case NET_CLASS_PAIRS:
		return net_set_pairs(net, &command, head[1]);
	default:
		return false;
	}
}

void net_control(struct virtio_net *net)
{
	struct virtio_device *device = &net->virtio;
	u32 queue = net_control_queue(net);
	u32 left = NET_CONTROL_BURST;

	for (; left > 0 && virtqueue_pop(device, queue, &net->chain); left--) {
		const u8 ack =
			net_handle_command(net, &net->chain) ? (u8)NET_ACK_OK : (u8)NET_ACK_ERROR;
		u64 written = virtio_chain_write(device->memory, &net->chain, 0, &ack, 1);

		virtqueue_push(device, queue, net->chain.head, (u32)written);
	}
	if (left == 0)
		virtio_look_again(device, queue);
	virtqueue_announce(device, queue);
}

void net_control_reset(struct virtio_net *net)
{
	struct virtio_net_state *state = &net->state;

	state->announce = 0;
	/* every frame passes until the guest says which frames it wants */
	state->mode = NET_MODE_PROMISCUOUS;
	state->pairs = 1;
	state->unicast.count = 0;
	state->multicast.count = 0;
	memset(state->vlan, 0, sizeof(state->vlan));
}

bool net_control_valid(const struct virtio_net_state *state)
{
	return state->mac <= NET_MAC_MASK && state->own_mac <= NET_MAC_MASK &&
	       state->link_up <= 1 && state->announce <= 1 && state->mode < NET_MODE_END &&
	       state->pairs != 0 && state->pairs <= VIRTIO_NET_PAIRS &&
	       state->unicast.count <= VIRTIO_NET_ADDRESSES + 1 &&
	       state->multicast.count <= VIRTIO_NET_ADDRESSES + 1;
}

/* --- which frames the guest receives --- */

static bool net_is_among(const struct net_addresses *addresses, u64 mac)
{
	if (addresses->count > VIRTIO_NET_ADDRESSES)
		return true;
	for (u32 i = 0; i < addresses->count; i++)
		if (addresses->mac[i] == mac)
			return true;
	return false;
}

static bool net_wants_vlan(const struct virtio_net *net, const u8 *frame, u32 bytes)
{
	u32 tag;

	if (!virtio_has(&net->virtio, NET_F_CTRL_VLAN) ||
	    bytes_get16(frame + NET_TYPE_AT) != NET_TYPE_VLAN ||
	    bytes < FRAME_BYTES_MIN + FRAME_TAG_BYTES)
		return true;
	tag = bytes_get16(frame + NET_TAG_AT) & NET_VLAN_MASK;
	return (net->state.vlan[tag / 64] >> tag % 64 & 1) != 0;
}

static bool net_wants_address(const struct virtio_net_state *state, u64 mac)
{
	if (mac == NET_MAC_ALL)
		return (state->mode & NET_MODE_NO_BROADCAST) == 0;
	if ((mac & NET_MAC_MULTICAST) != 0)
		return (state->mode & NET_MODE_NO_MULTICAST) == 0 &&
		       ((state->mode & NET_MODE_ALL_MULTICAST) != 0 ||
			net_is_among(&state->multicast, mac));
	return (state->mode & NET_MODE_NO_UNICAST) == 0 &&
	       (mac == state->mac || (state->mode & NET_MODE_ALL_UNICAST) != 0 ||
		net_is_among(&state->unicast, mac));
}

/*
 * Returns whether the guest wants the frame. The switch may change the frame meanwhile and so get
 * past the filter, which spares the guest work and keeps nothing secret from it.
 */
bool net_is_wanted(const struct virtio_net *net, const u8 *frame, u32 bytes)
{
	if ((net->state.mode & NET_MODE_PROMISCUOUS) != 0)
		return true;
	/* bytes_get_mac reads two bytes more than an address has; every frame is longer */
	return net_wants_address(&net->state, bytes_get_mac(frame)) &&
	       net_wants_vlan(net, frame, bytes);
}
