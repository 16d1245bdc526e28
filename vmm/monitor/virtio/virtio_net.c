/* SPDX-License-Identifier: MIT */
/*
 * A virtio network card (virtio 1.2, 5.1): configuration, set-up and reset, and when frames of the
 * guest and of the switch are moved. Attached by platform.c; pending.c polls its link to the
 * switch.
 */
#include "vmm/monitor/virtio/virtio_net_parts.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/monitor/platform/platform_add.h"

#define CLASS_NETWORK	 0x020000u
#define NET_CONFIG_BYTES 12u

/* The card's configuration (virtio 1.2, 5.1.4). */
struct net_config {
	u8 mac[NET_MAC_BYTES];
	u16 status;
	u16 pairs;
	u16 mtu;
};
_Static_assert(sizeof(struct net_config) == NET_CONFIG_BYTES, "5.1.4");

enum net_status { NET_STATUS_LINK_UP = 1, NET_STATUS_ANNOUNCE = 2 };

static struct virtio_net *virtio_net_of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_net, virtio);
}

static struct net_about net_about_of(const struct virtio_net *net)
{
	const struct net_about *about = (const void *)net->end.memory->about;

	return (struct net_about){
		.mac = __atomic_load_n(&about->mac, __ATOMIC_RELAXED) & NET_MAC_MASK,
		.mtu = MIN(__atomic_load_n(&about->mtu, __ATOMIC_RELAXED), NET_MTU_MAX),
		.flags = __atomic_load_n(&about->flags, __ATOMIC_RELAXED),
	};
}

void net_publish(struct virtio_net *net)
{
	if (link_publish(&net->end))
		net->ring(net->context);
}

/*
 * Returns which frames the guest can take, for the link to the switch; the switch converts frames
 * that the guest cannot take.
 */
static u32 net_wish_of(const struct virtio_net *net)
{
	const struct virtio_device *device = &net->virtio;

	if (!net->up || !virtio_has(device, NET_F_GUEST_CSUM))
		return 0;
	return NET_WISH_CHECKSUM | (virtio_has(device, NET_F_GUEST_TSO4) ? NET_WISH_TCP4 : 0) |
	       (virtio_has(device, NET_F_GUEST_TSO6) ? NET_WISH_TCP6 : 0);
}

static void net_come_up(struct virtio_net *net)
{
	net->up = true;
	link_set_wish(&net->end, net_wish_of(net));
	net_discard(net);
}

/*
 * Asks the guest to announce its address on the network, as a new switch does not know behind which
 * port the guest is (virtio 1.2, 5.1.6.5.4).
 */
static void net_ask_to_announce(struct virtio_net *net)
{
	if (!net->up || !virtio_has(&net->virtio, NET_F_GUEST_ANNOUNCE) ||
	    !virtio_has(&net->virtio, NET_F_STATUS))
		return;
	net->state.announce = 1;
	virtio_config_changed(&net->virtio);
}

static void net_look_for_changes(struct virtio_net *net)
{
	struct net_about about = net_about_of(net);
	u8 link_up = (about.flags & NET_LINK_UP) != 0 && !net->cut;

	if (likely(link_up == net->state.link_up && about.mtu == net->state.mtu))
		return;
	net->state.link_up = link_up;
	net->state.mtu = about.mtu;
	virtio_config_changed(&net->virtio);
}

void virtio_net_poll_link(struct virtio_net *net)
{
	net_look_for_changes(net);
	if (unlikely(link_renewed(&net->end))) {
		link_set_wish(&net->end, net_wish_of(net));
		net->quiet = false;
		/* the frames that waited for the guest's buffers were lost with the old switch */
		net->hungry = false;
		net->ring(net->context);
		net_ask_to_announce(net);
	}
	if (!virtio_is_live(&net->virtio))
		return; /* the device may not use the guest's memory now: frames wait in the link */
	if (unlikely(!net->up))
		net_come_up(net);
	net_send_waiting(net);
	net_answer(net);
	net_receive(net);
}

/* --- the operations of the device --- */

static void virtio_net_notify(struct virtio_device *device, u32 queue)
{
	struct virtio_net *net = virtio_net_of(device);

	if (unlikely(!net->up))
		net_come_up(net);
	if (queue % 2 != 0) {
		net_send(net, queue / 2);
		net_answer(net);
		return;
	}
	if (queue == net_control_queue(net) && virtio_has(device, NET_F_CTRL_VQ))
		net_control(net);
	/* the guest has given new buffers, or uses another number of queue pairs */
	net->hungry = false;
	net_answer(net);
	net_receive(net);
}

static void virtio_net_forget(struct virtio_device *device)
{
	struct virtio_net *net = virtio_net_of(device);
	struct net_about about = net_about_of(net);

	net->up = false;
	net->cut = false;
	net->answer_bytes = 0;
	net->full = 0;
	net->hungry = false;
	net->quiet = false;
	memset(net->flow, 0, sizeof(net->flow));
	net->state.mac = about.mac;
	net->state.own_mac = about.mac;
	net->state.mtu = about.mtu;
	net->state.link_up = (about.flags & NET_LINK_UP) != 0;
	net_control_reset(net);
	link_set_wish(&net->end, 0);
}

static u32 virtio_net_config_read(struct virtio_device *device, u32 offset, u32 size)
{
	const struct virtio_net *net = virtio_net_of(device);
	struct net_config config = {
		.status = (u16)((net->state.link_up != 0 ? NET_STATUS_LINK_UP : 0) |
				(net->state.announce != 0 ? NET_STATUS_ANNOUNCE : 0)),
		.pairs = (u16)net->pairs,
		.mtu = (u16)net->state.mtu,
	};
	u32 value = 0;

	memcpy(config.mac, &net->state.mac, sizeof(config.mac));
	memcpy(&value, (const u8 *)&config + offset, size);
	return value;
}

static const struct virtio_ops virtio_net_virtio_ops = {
	.notify = virtio_net_notify,
	.reset = virtio_net_forget,
	.config_read = virtio_net_config_read,
};

static bool virtio_net_valid(const void *bytes)
{
	return net_control_valid(bytes) && virtio_valid(bytes);
}

/*
 * Continues with a loaded state, which holds no frames: each is with the guest or with the switch.
 * A driver that had not begun knows no address yet, and finds the one that the card has here.
 */
static void virtio_net_loaded(struct device *device)
{
	struct virtio_net *net = virtio_net_of(virtio_of(device));

	virtio_loaded(device);
	if ((net->state.virtio.status & VIRTIO_DRIVER) == 0)
		virtio_net_forget(&net->virtio);
	net->up = (net->state.virtio.status & VIRTIO_DRIVER_OK) != 0;
	net->cut = net->state.own_mac != net_about_of(net).mac;
	net->full = 0;
	net->hungry = false;
	net->quiet = false;
	link_set_wish(&net->end, net_wish_of(net));
}

static const struct device_ops virtio_net_ops = {
	.widest = VIRTIO_WIDEST,
	.read = virtio_read,
	.write = virtio_write,
	.reset = virtio_reset,
	.tick = virtio_tick,
	.loaded = virtio_net_loaded,
	.valid = virtio_net_valid,
};

static u64 net_features(const struct virtio_net *net)
{
	return BIT(NET_F_CSUM) | BIT(NET_F_GUEST_CSUM) | BIT(NET_F_MTU) | BIT(NET_F_MAC) |
	       BIT(NET_F_GUEST_TSO4) | BIT(NET_F_GUEST_TSO6) | BIT(NET_F_HOST_TSO4) |
	       BIT(NET_F_HOST_TSO6) | BIT(NET_F_MRG_RXBUF) | BIT(NET_F_STATUS) |
	       BIT(NET_F_CTRL_VQ) | BIT(NET_F_CTRL_RX) | BIT(NET_F_CTRL_VLAN) |
	       BIT(NET_F_CTRL_RX_EXTRA) | BIT(NET_F_GUEST_ANNOUNCE) | BIT(NET_F_CTRL_MAC_ADDR) |
	       (net->pairs > 1 ? BIT(NET_F_MQ) : 0);
}

void virtio_net_open(struct virtio_net *net, struct link_memory *memory,
		     void (*ring)(void *context), void *context)
{
	net->ring = ring;
	net->context = context;
	net->lease = ((const struct net_about *)(const void *)memory->about)->lease;
	net->answer_bytes = 0;
	frames_open(&net->end, memory, LINK_CLIENT);
}

static enum status net_attach_one(struct platform *platform, const struct platform_config *config,
				  struct virtio_net *net)
{
	static const struct virtio_identity identity = {
		.type = VIRTIO_NET,
		.class_code = CLASS_NETWORK,
		.subsystem = VIRTIO_NET,
	};

	net->pairs = MIN(config->cpu_count, VIRTIO_NET_PAIRS);
	net->virtio = (struct virtio_device){
		.function.device =
			{
				.name = "virtio_net",
				.ops = &virtio_net_ops,
				.state = &net->state,
				.state_bytes = sizeof(net->state),
				.kind = STATE_VIRTIO_NET,
				.version = 2,
			},
		.ops = &virtio_net_virtio_ops,
		.state = &net->state.virtio,
		.features = net_features(net),
		.queue_count = 2 * net->pairs + 1,
		.config_bytes = NET_CONFIG_BYTES,
	};
	for (u32 i = 0; i < net->virtio.queue_count; i++)
		net->virtio.queue_size[i] = VIRTIO_NET_QUEUE_SIZE;
	return virtio_add(platform, config->memory, &net->virtio, &identity,
			  PCI_SLOT_NET_FIRST + net->number);
}

enum status virtio_net_attach(struct platform *platform, const struct platform_config *config)
{
	enum status status = STATUS_OK;

	for (u32 i = 0; i < config->net_count && status == STATUS_OK; i++)
		status = net_attach_one(platform, config, &config->net[i]);
	return status;
}
