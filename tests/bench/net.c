/* SPDX-License-Identifier: MIT */
/*
 * What a frame from guest to guest costs. Two of these guests are on one network and throw a batch
 * of frames to and fro: whoever has received all of it sends as many back, and sleeps meanwhile.
 * The first reports the ticks of the TSC from a batch to its answer: the least, and the median, for
 * the emulator that KVM runs in sometimes stands still until a timer goes off.
 *
 * Words: first, or idle, which does nothing; batch=, rounds=, bytes= of a frame; tso: frames are
 * TCP, to be cut into segments. The addresses of the two differ in their last bit.
 */
#include "tests/bench/report.h"
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/net.h"

#define SIZE	     256u
#define BUFFER_BYTES 4096u
#define FRAME_MAX    65550u
#define HEADER	     sizeof(struct net_header)
#define FRAME_HEADS  54u /* the bytes of the Ethernet, IPv4 and TCP headers */
#define SEGMENT	     1448u
#define HELLO_WAITS  200000u
#define KIND_AT	     19u /* lower byte of IPv4's identification */
#define ROUNDS_MAX   1100u
#define FAR_AWAY     0x8000u

#define HELLO_BYTES    60u
#define MSR_KVM_PV_EOI 0x4b564d04u

enum queue { RECEIVE, SEND };
enum kind { KIND_FRAME, KIND_HELLO };

/* A queue as struct virtq, with a size of its own (virtio 1.2, 2.7). */
struct ring {
	struct virtq_descriptor table[SIZE] ALIGNED(16);
	struct {
		u16 flags;
		volatile u16 index;
		u16 head[SIZE];
		volatile u16 used_event;
	} available;
	struct {
		u16 flags;
		volatile u16 index;
		struct {
			u32 head;
			u32 written;
		} entry[SIZE];
		volatile u16 available_event;
	} used ALIGNED(4);
};

static struct virtio card;
static struct ring receive;
static struct ring send;
static u16 seen;
static u32 hellos;
static u8 own_mac[NET_MAC];
static u8 buffer[SIZE][BUFFER_BYTES] ALIGNED(4096);
/* All frames are the same: every descriptor of a kind leads to one of these buffers. */
static u8 frame[HEADER + FRAME_MAX] ALIGNED(64);
static u8 hello[HEADER + HELLO_BYTES] ALIGNED(64);
static u32 round_ticks[ROUNDS_MAX];
static volatile u32 pv_eoi ALIGNED(4);

static void put16(u8 *at, u32 value)
{
	at[0] = (u8)(value >> 8);
	at[1] = (u8)value;
}

static u32 sum_of(const u8 *bytes, u32 count, u32 sum)
{
	for (u32 i = 0; i < count; i += 2)
		sum += (u32)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Ethernet, IPv4 and TCP without options, of so many bytes in all (RFC 791, 3.1; RFC 9293, 3.1). */
static void fill(u8 *to, u32 bytes, enum kind kind, bool large)
{
	struct net_header *header = (struct net_header *)to;
	u8 *at = to + HEADER;
	u8 *ip = at + 14;

	for (u32 i = 0; i < NET_MAC; i++) {
		at[i] = own_mac[i] ^ (i == NET_MAC - 1);
		at[NET_MAC + i] = own_mac[i];
	}
	put16(at + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, bytes - 14);
	at[KIND_AT] = (u8)kind;
	ip[8] = 64;
	ip[9] = 6;
	ip[12] = ip[16] = 10;
	ip[15] = (u8)(own_mac[NET_MAC - 1] & 1);
	ip[19] = ip[15] ^ 1;
	put16(ip + 10, ~sum_of(ip, 20, 0));
	ip[20 + 12] = 0x50;
	ip[20 + 13] = 0x10;
	if (!large)
		return;
	*header = (struct net_header){.flags = 1,
				      .gso = 1,
				      .header_bytes = FRAME_HEADS,
				      .segment_bytes = SEGMENT,
				      .checksum_start = 34,
				      .checksum_offset = 16};
	put16(ip + 20 + 16, sum_of(ip + 12, 8, 6 + bytes - 34));
}

static bool add_queue(u32 number, const struct ring *ring, u16 vector)
{
	const struct virtio_place *common = &card.common;
	const word at[] = {(word)ring->table, (word)&ring->available, (word)&ring->used};

	virtio_put(common, VIRTIO_QUEUE_SELECT, 2, number);
	if (virtio_get(common, VIRTIO_QUEUE_SIZE, 2) < SIZE)
		return false;
	virtio_put(common, VIRTIO_QUEUE_SIZE, 2, SIZE);
	virtio_put(common, VIRTIO_QUEUE_VECTOR, 2, vector);
	for (u32 i = 0; i < ARRAY_COUNT(at); i++) {
		virtio_put(common, VIRTIO_QUEUE_TABLE + 8 * i, 4, (u32)at[i]);
		virtio_put(common, VIRTIO_QUEUE_TABLE + 8 * i + 4, 4, 0);
	}
	virtio_put(common, VIRTIO_QUEUE_ENABLE, 2, 1);
	return virtio_get(common, VIRTIO_QUEUE_ENABLE, 2) == 1;
}

/* Tells the device of new buffers since the index `from`, if the device wants to know (2.7.10). */
static void notify(u32 number, const struct ring *ring, u16 from)
{
	u16 now = ring->available.index;

	asm volatile("mfence" ::: "memory");
	if ((u16)(now - ring->used.available_event - 1) < (u16)(now - from))
		virtio_put(&card.doorbell, number * card.multiplier, 2, number);
}

static void send_some(const u8 *what, u32 bytes, u32 count)
{
	u16 from = send.available.index;

	/* the answers tell that the device is done with those before; one is sure to be */
	while ((u16)(from - send.used.index) > SIZE - count)
		relax();
	for (u32 i = 0; i < count; i++) {
		u16 at = (u16)(from + i) % SIZE;

		send.table[at].address = (word)what;
		send.table[at].bytes = (u32)HEADER + bytes;
		send.available.head[at] = at;
	}
	/* the device shall send no interrupts for sent frames */
	send.available.used_event = (u16)(from + FAR_AWAY);
	asm volatile("" ::: "memory");
	send.available.index = (u16)(from + count);
	notify(SEND, &send, from);
}

/*
 * Takes the received frames and gives their buffers back. Returns the number of frames, without
 * hellos.
 */
static u32 take(void)
{
	u16 from = receive.available.index;
	u16 index = from;
	u32 count = 0;

	while (receive.used.index != seen) {
		u32 head = receive.used.entry[seen % SIZE].head % SIZE;
		u32 buffers = ((const struct net_header *)buffer[head])->buffers;

		if (buffer[head][HEADER + KIND_AT] == KIND_HELLO)
			hellos++;
		else
			count++;
		/* All of a frame's buffers are used by now (5.1.6.4.1). */
		for (u32 i = 0; i < buffers; i++)
			receive.available.head[index++ % SIZE] =
				(u16)receive.used.entry[seen++ % SIZE].head;
	}
	asm volatile("" ::: "memory");
	receive.available.index = index;
	if (index != from)
		notify(RECEIVE, &receive, from);
	return count;
}

/* Sleeps until there is something, which is a batch or a part of one. */
static void wait_batch(u32 count)
{
	for (u32 got = take(); got < count; got += take()) {
		receive.available.used_event = seen;
		asm volatile("mfence" ::: "memory");
		if (receive.used.index == seen)
			interrupts_on_and_halt();
	}
}

/* Ends an interrupt as Linux does. */
static void end_interrupt(struct trap_frame *trap_frame)
{
	bool done;

	(void)trap_frame;
	asm volatile("btrl $0, %1" : "=@ccc"(done), "+m"(pv_eoi));
	if (!done)
		write_msr(MSR_X2APIC_BASE + (LAPIC_EOI >> 4), 0);
}

static bool begin(void)
{
	u64 features = NET_F_MAC | NET_CSUM | NET_GUEST_CSUM | NET_GUEST_TSO4 | NET_HOST_TSO4 |
		       NET_MRG_RXBUF | VIRTIO_RING_EVENT | VIRTIO_VERSION_1;

	if (!virtio_find(&card, NET_TYPE) || virtio_begin(&card, features) != features ||
	    !add_queue(RECEIVE, &receive, 0) || !add_queue(SEND, &send, NET_NO_VECTOR))
		return false;
	virtio_msix(&card, 0, VECTOR_IOAPIC);
	trap_set_hook(VECTOR_IOAPIC, end_interrupt);
	write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_BASE_EXTD);
	write_msr(MSR_KVM_PV_EOI, (word)&pv_eoi | 1);
	for (u32 i = 0; i < NET_MAC; i++)
		own_mac[i] = (u8)virtio_get(&card.device, NET_AT_MAC + i, 1);
	for (u32 i = 0; i < SIZE; i++) {
		receive.table[i] =
			(struct virtq_descriptor){(word)buffer[i], BUFFER_BYTES, VIRTQ_WRITE, 0};
		receive.available.head[i] = (u16)i;
	}
	receive.available.index = SIZE;
	if (!virtio_start(&card))
		return false;
	virtio_put(&card.doorbell, RECEIVE * card.multiplier, 2, RECEIVE);
	return true;
}

/* Waits until both guests are there. */
static void meet(bool is_first)
{
	while (hellos == 0) {
		if (is_first)
			send_some(hello, HELLO_BYTES, 1);
		for (u32 i = 0; i < HELLO_WAITS && hellos == 0; i++) {
			(void)take();
			relax();
		}
	}
	if (!is_first)
		send_some(hello, HELLO_BYTES, 1);
}

/* Sorts by Shell's method, so that sorting does not count beside what is measured. */
static void sort(u32 *value, u32 count)
{
	for (u32 gap = 301; gap != 0; gap /= 4) {
		for (u32 i = gap; i < count; i++) {
			u32 one = value[i];
			u32 at = i;

			for (; at >= gap && value[at - gap] > one; at -= gap)
				value[at] = value[at - gap];
			value[at] = one;
		}
	}
}

void guest_main(void)
{
	u32 batch = (u32)option_number("batch", 16);
	u32 rounds = (u32)option_number("rounds", ROUNDS_MAX) % (ROUNDS_MAX + 1);
	u32 bytes = (u32)option_number("bytes", 64);
	bool is_first = option("first");

	pic_mask_all();
	lapic_enable();
	check("begin", begin(), "no card that does all this");
	if (option("idle"))
		wait_batch(~0u);
	fill(hello, HELLO_BYTES, KIND_HELLO, false);
	fill(frame, bytes, KIND_FRAME, option("tso"));
	meet(is_first);
	for (u32 i = 0; i < rounds; i++) {
		u64 start = read_tsc();

		if (is_first)
			send_some(frame, bytes, batch);
		wait_batch(batch);
		if (!is_first)
			send_some(frame, bytes, batch);
		round_ticks[i] = (u32)(read_tsc() - start);
	}
	if (is_first) {
		sort(round_ticks, rounds);
		report("round", round_ticks[0], round_ticks[rounds / 2]);
	}
}
