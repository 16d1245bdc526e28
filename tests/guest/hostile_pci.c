/* SPDX-License-Identifier: MIT */
/*
 * Writes anything to the registers of PCI and virtio, and anything into rings. The host must take
 * or refuse it; afterwards the devices, reset, still work.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/virtio.h"
#include "tests/random.h"

#define RNG	  4u
#define CONSOLE	  3u
#define NO_VECTOR 0xffffu
#define LIMIT_US  5000000u
#define KEY	  0x5eed0123u
#define SLOTS	  4u
#define BARS	  6u

static struct virtio rng;
static struct virtio console;
/*
 * The memory that devices are told to write to, from anywhere in it: a request gets 4096 bytes at
 * most.
 */
static struct {
	struct virtq queue;
	struct virtq other;
	u8 buffer[256];
	u8 slack[8192];
} arena ALIGNED(16);
static u32 kept[1024]; /* memory that is in none of the rings, so that no device may write here */
static u32 registers[SLOTS][16];

static u64 random_next(void)
{
	static u64 state = RANDOM_SEED;

	return random_step(&state);
}

static u32 any_value(void)
{
	static const u32 values[] = {0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x8000, 0xffffffff};
	u32 which = (u32)random_next() % 16;

	return which < ARRAY_COUNT(values) ? values[which] : (u32)random_next();
}

static void remember(void)
{
	for (u32 slot = 0; slot < SLOTS; slot++)
		for (u32 i = 0; i < 16; i++)
			registers[slot][i] = pci_get(slot, 4 * i, 4);
}

static void restore(void)
{
	for (u32 slot = 0; slot < SLOTS; slot++) {
		for (u32 i = 4; i < 10; i++)
			pci_put(slot, 4 * i, 4, registers[slot][i]);
		pci_put(slot, PCI_COMMAND, 2, registers[slot][1]);
	}
	virtio_find(&rng, RNG);
	virtio_find(&console, CONSOLE);
	virtio_msix_off(&rng);
	virtio_msix_off(&console);
}

static bool random_works(void)
{
	u32 start = clock_ticks();

	if (virtio_begin(&rng, VIRTIO_VERSION_1) != VIRTIO_VERSION_1 ||
	    !virtio_add_queue(&rng, 0, &arena.queue, NO_VECTOR) || !virtio_start(&rng))
		return false;
	arena.queue.table[0] =
		(struct virtq_descriptor){(word)arena.buffer, sizeof(arena.buffer), VIRTQ_WRITE, 0};
	virtio_submit(&rng, 0, &arena.queue, 0);
	while (arena.queue.used.index == 0)
		if (clock_us_since(start) > LIMIT_US)
			return false;
	return true;
}

static bool is_kept(void)
{
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		if (kept[i] != KEY + i)
			return false;
	return true;
}

static void check_after(const char *name)
{
	restore();
	check(name, random_works() && is_kept(), "the device is lost, or memory that was not its");
}

static void put_any(word at)
{
	u32 value = any_value();

	switch (random_next() % 4) {
	case 0:
		*(volatile u8 *)at = (u8)value;
		break;
	case 1:
		*(volatile u16 *)at = (u16)value;
		break;
	case 2:
		*(volatile u32 *)at = value;
		break;
	default:
		*(volatile u64 *)at = value | random_next() << 32;
	}
	(void)*(volatile u64 *)at;
}

/* Every register, at every offset, by every size, both ways; and past the bus. */
static void test_configuration(u32 step)
{
	for (u32 at = 0; at < 0x110; at++)
		for (u32 slot = 0; slot < SLOTS; slot++) {
			put_any(pci_ecam(slot, at));
			if (at < 0x100)
				pci_put(slot, at & ~3u, 4, any_value());
		}
	for (u32 at = 0; at < 0x200000; at += 0x1000 * step)
		(void)*register32(pci_ecam(0, 0) + at);
	for (u32 i = 0; i < 1000 / step; i++) {
		u32 port = 0xcf8 + (u32)random_next() % 8;

		if (port == 0xcf9) /* the reset control */
			continue;
		out32(0xcf8, (u32)random_next());
		out8((u16)port, (u8)random_next());
		out16(0xcfc, (u16)random_next());
		(void)in32((u16)(port & ~3u));
	}
	check_after("configuration");
}

/* Over RAM, the APICs, ECAM, each other, nothing; and used there. */
static void test_bars(u32 step)
{
	const u32 places[] = {0,	  (u32)(word)kept, 0xfee00000, 0xfec00000, 0xe0000000,
			      0xc1000000, 0xc2000000,	   0xdfffc000, 0xffffc000, 0xc2002000};

	for (u32 i = 0; i < 2000 / step; i++) {
		u32 slot = 1 + (u32)random_next() % 2;
		u32 place = places[random_next() % ARRAY_COUNT(places)];

		pci_put(slot, PCI_BAR + 4 * ((u32)random_next() % BARS), 4,
			(random_next() & 1) != 0 ? place : any_value());
		pci_put(slot, PCI_COMMAND, 2, (u32)random_next() & 7);
		if (place >= 0xc0000000 && place < 0xe0000000)
			put_any(place + (random_next() & 0x3fff));
	}
	check_after("bars");
}

/* Messages of a fixed vector only: NMI and INIT would be the guest's own end. */
static void test_registers(u32 step)
{
	word bar;

	virtio_find(&rng, RNG);
	bar = rng.common.at;
	for (u32 i = 0; i < 40000 / step; i++) {
		u32 at = (u32)random_next() & 0x3fff;

		at = i % 2 == 0 ? at & 0x3f : at;
		if (at >= 0x2000 && at < 0x3000 && (at & 0xf) == 8)
			*register32(bar + at) = VECTOR_IOAPIC;
		else if (at < 0x2000 || at >= 0x3000 || (at & 0xc) != 8)
			put_any(bar + (at & ~7u) + (at < 0x1000 ? at & 7 : 0));
		out16((u16)pci_bar(rng.slot, 0), (u16)any_value());
	}
	check_after("registers");
}

static void fill_ring(struct virtq *ring)
{
	const u64 places[] = {
		(word)arena.buffer,    (word)ring,   (word)&arena.other, 0xa0000, 0xfee00000,
		0xffffffffffffff00ull, 32 * MIB - 8, 0xe0000000};

	for (u32 i = 0; i < VIRTQ_SIZE; i++) {
		u32 flags = (u32)random_next();

		ring->table[i] = (struct virtq_descriptor){
			places[random_next() % ARRAY_COUNT(places)],
			(random_next() & 3) != 0 ? (u32)random_next() % 8 * 16 : any_value(),
			(u16)(flags & 7), (u16)((flags >> 8 & 7) != 0 ? flags >> 16 & 7 : flags)};
		ring->available.head[i] = (u16)((random_next() & 7) != 0 ? i : any_value());
	}
	ring->available.used_event = (u16)random_next();
}

/* Chains of every bad kind, indices that jump, kicks of every queue; the device reset in between.
 */
static void test_rings(u32 step)
{
	for (u32 i = 0; i < 4000 / step; i++) {
		const struct virtio *device = (random_next() & 1) != 0 ? &rng : &console;

		virtio_begin(device, VIRTIO_VERSION_1 | VIRTIO_RING_INDIRECT | VIRTIO_RING_EVENT);
		virtio_add_queue(device, 0, &arena.queue, NO_VECTOR);
		virtio_start(device); /* only this queue: the console's other queue would print */
		for (u32 k = 0; k < 4; k++) {
			fill_ring(&arena.queue);
			arena.queue.available.index =
				(u16)((random_next() & 7) != 0 ? k + 1 : any_value());
			virtio_put(&device->doorbell, 0, 2, 0);
			virtio_put(&device->doorbell, 0, 2, any_value());
		}
	}
	check_after("rings");
}

void guest_main(void)
{
	u32 step = (u32)option_number("step", 1);

	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	for (u32 i = 0; i < ARRAY_COUNT(kept); i++)
		kept[i] = KEY + i;
	check("devices", virtio_find(&rng, RNG) && virtio_find(&console, CONSOLE),
	      "rng and console are not there");
	remember();
	test_configuration(step);
	test_bars(step);
	test_registers(step);
	test_rings(step);
	print("\n");
}
