/* SPDX-License-Identifier: MIT */
/*
 * A virtio network card between a guest that writes anything to its registers and rings and a
 * switch that writes anything to its link. What the switch is told keeps to the rules; the card's
 * state survives being saved.
 */
/*
 * Counted elsewhere: vmm/monitor/dev/ vmm/monitor/irqchip/ vmm/monitor/bus/bus.c vmm/monitor/pci/
 * vmm/monitor/memory/guest_memory.c vmm/monitor/virtio/virtio_blk vmm/monitor/virtio/virtio_console
 * vmm/monitor/virtio/virtio_rng vmm/monitor/disk/ vmm/io/slots.c
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "tests/unit/virtio_net_fixture.h"

#define RAM_USED 0x90000u /* the RAM with rings and commands */

static void start(struct fuzz *fuzz)
{
	/* clang-format off */
	static const u64 known[] = {
		ALL_FEATURES, ALL_FEATURES, ~BIT(NET_F_MRG_RXBUF), BIT(NET_F_MRG_RXBUF), 0,
		~BIT(NET_F_MQ), BIT(NET_F_CTRL_VQ) | BIT(NET_F_CTRL_RX), ~BIT(NET_F_GUEST_CSUM),
	};
	/* clang-format on */
	u8 what = fuzz_u8(fuzz);

	if (wire == NULL)
		make_wire();
	memset(ram, 0, RAM_USED);
	memset(wire, 0, PAGE_SIZE);
	*wire_about() = (struct net_about){.mac = OWN_MAC, .mtu = 1500, .flags = NET_LINK_UP};
	frames_open(&port, wire, LINK_SERVER);
	new_switch();
	cpus = (what & 8) != 0 ? 4 : 1;
	power_on();
	start_device(known[what & 7]);
}

/* A chain of one to four segments, which may be anything. */
static void offer_any(struct fuzz *fuzz, u32 queue, u64 at)
{
	struct virtio_segment segment[4];
	u8 what = fuzz_u8(fuzz);
	u32 count = 1 + (what & 3);

	for (u32 i = 0; i < count; i++) {
		segment[i] = SEGMENT(at, (u32)fuzz_number(fuzz));
		at += (what & 4) != 0 ? segment[i].bytes : fuzz_u16(fuzz);
	}
	add_chain(queue, segment, count, queue % 2 != 0 ? count : (what >> 3) % (count + 1));
	notify(queue);
}

static void send_any(struct fuzz *fuzz)
{
	struct net_header header;
	u8 what = fuzz_u8(fuzz);

	fuzz_take(fuzz, &header, sizeof(header));
	if ((what & 0x10) != 0)
		header.flags = 1;
	if ((what & 0x20) != 0)
		header.segmentation = 1;
	memcpy(ram + SEND_AT, &header, sizeof(header));
	fuzz_take(fuzz, ram + SEND_AT + sizeof(header), 40);
	if ((what & 0x40) != 0)
		offer_any(fuzz, 2 * (what % net.pairs) + 1, SEND_AT);
	else
		send_as(2 * (what % net.pairs) + 1, &header, fuzz_number(fuzz) % 70000);
}

static void command_any(struct fuzz *fuzz)
{
	struct virtio_segment segment[] = {SEGMENT(COMMAND_AT, 0), SEGMENT(ANSWER_AT, 1)};
	u32 queue = net_control_queue(&net);
	u8 what = fuzz_u8(fuzz);

	ram[COMMAND_AT] = what & 7;
	ram[COMMAND_AT + 1] = what >> 3 & 7;
	fuzz_take(fuzz, ram + COMMAND_AT + 2, 12);
	segment[0].bytes = (what & 0x40) != 0 ? 2 + fuzz_u8(fuzz) : (u32)fuzz_number(fuzz);
	if (queue < net.virtio.queue_count)
		add_chain(queue, segment, 2, 1);
	notify(queue);
}

/* Serves the switch's end. What a card says of its frame has to be possible, and on offer. */
static void serve(struct fuzz *fuzz)
{
	struct frame_header header = {0};
	const u8 *frame;
	u32 left = fuzz_u8(fuzz);

	for (; left > 0 && frames_next(&port, &header, &frame); left--) {
		bool sums = (header.flags & FRAME_NEEDS_CHECKSUM) != 0;

		CHECK_THAT(header.bytes >= FRAME_BYTES_MIN && header.bytes <= FRAME_BYTES_MAX);
		CHECK_THAT((header.flags & ~FRAME_NEEDS_CHECKSUM) == 0);
		CHECK_THAT(!sums || virtio_has(&net.virtio, NET_F_CSUM) || !net.up);
		CHECK_THAT(!sums ||
			   header.checksum_start + header.checksum_offset + 2u <= header.bytes);
		CHECK_THAT(header.segments == FRAME_WHOLE || (sums && header.segment_bytes != 0));
		CHECK_THAT(header.segments < FRAME_SEGMENTS_COUNT && header.reserved == 0);
		frames_drop(&port, &header);
	}
	CHECK_THAT(!port.broken);
	(void)!link_publish(&port);
}

static void give_any(struct fuzz *fuzz)
{
	struct frame_header header;
	u8 what = fuzz_u8(fuzz);
	u8 *frame;

	fuzz_take(fuzz, &header, sizeof(header));
	header.bytes = (what & 1) != 0 ? FRAME_BYTES_MIN + fuzz_u8(fuzz)
				       : (u32)fuzz_number(fuzz) % (FRAME_BYTES_MAX + 1);
	header.bytes = MAX(header.bytes, FRAME_BYTES_MIN);
	frame = frames_reserve(&port, header.bytes);
	if (frame == NULL)
		return;
	fuzz_take(fuzz, frame, MIN(header.bytes, 60));
	if ((what & 2) != 0)
		memcpy(frame, &net.state.mac, NET_MAC_BYTES);
	frames_add(&port, &header);
	port_publish();
}

/* The switch lies in its line or its ring, or the manager changes something. */
static void change_wire(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);

	if ((what & 3) == 0)
		((u8 *)&wire->line[LINK_SERVER])[what >> 2 & 31] = fuzz_u8(fuzz);
	else if ((what & 3) == 1)
		((u8 *)wire)[PAGE_SIZE + FRAMES_RING_BYTES + fuzz_u16(fuzz)] = fuzz_u8(fuzz);
	else if ((what & 3) == 2)
		wire->about[what >> 2 & 15] = fuzz_u8(fuzz);
	else
		wire->generation = fuzz_u8(fuzz) & 3;
	(void)!link_renewed(&port);
	virtio_net_poll_link(&net);
}

static void save_and_load(struct fuzz *fuzz)
{
	static u64 bytes[(64 * KIB) / 8];
	struct device *device = &net.virtio.function.device;
	u32 first = fuzz_u8(fuzz) & 1 ? 0 : (u32)sizeof(struct virtio_state);
	u32 at = first + fuzz_u16(fuzz);

	CHECK_THAT(device_save(device, bytes, device->state_bytes) == STATUS_OK);
	if (fuzz_u8(fuzz) & 1)
		((u8 *)bytes)[at % device->state_bytes] = fuzz_u8(fuzz);
	else
		device_reset(device);
	(void)!device_load(device, bytes, device->state_bytes);
}

static void add_any_buffers(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);
	u32 queue = 2 * (what % net.pairs);

	if ((what & 0x80) != 0)
		offer_any(fuzz, queue, RECEIVE_AT);
	else
		add_buffers(queue, what >> 2 & 15, 1 + (what >> 2 & 7), fuzz_u16(fuzz) % 2048);
}

/* Checks what holds whatever anybody does. */
static void check_card(void)
{
	CHECK_THAT(net.full < 1u << net.pairs && net.turn < VIRTIO_NET_PAIRS);
	CHECK_THAT(net.state.pairs != 0 && net.state.pairs <= VIRTIO_NET_PAIRS);
	CHECK_THAT(net.state.unicast.count <= VIRTIO_NET_ADDRESSES + 1 &&
		   net.state.multicast.count <= VIRTIO_NET_ADDRESSES + 1);
	CHECK_THAT(net.end.written - net.end.published <= FRAMES_RING_BYTES);
	for (u32 i = 0; i < VIRTIO_NET_FLOWS; i++)
		CHECK_THAT(net.flow[i] < net.pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	start(&fuzz);
	while (fuzz.left > 0) {
		u8 what = fuzz_u8(&fuzz);

		switch (what % 12) {
		case 0:
		case 1:
			send_any(&fuzz);
			break;
		case 2:
		case 3:
			give_any(&fuzz);
			break;
		case 4:
			add_any_buffers(&fuzz);
			break;
		case 5:
			command_any(&fuzz);
			break;
		case 6:
			serve(&fuzz);
			break;
		case 7:
			change_wire(&fuzz);
			break;
		case 8:
			poke(RINGS_AT + fuzz_u16(&fuzz), fuzz_number(&fuzz), 8);
			break;
		case 9:
			set(fuzz_u16(&fuzz) % BAR_MEMORY_BYTES & ~3u, 4, fuzz_u32(&fuzz));
			break;
		case 10:
			save_and_load(&fuzz);
			break;
		default:
			set(AT_COMMON + fuzz_u8(&fuzz) % COMMON_BYTES, 1u << (fuzz.left & 1),
			    (u32)fuzz_number(&fuzz));
		}
		platform_tick(&platform, 0);
		check_card();
	}
	return 0;
}
