/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/net/card.h"
#include "vmm/hw/e1000.h"

/*
 * The state of one of Intel's gigabit cards, with a receive and a transmit ring. Each descriptor
 * has a buffer of its own, which stays the same; a frame longer than a buffer takes several. The
 * card is not trusted: its fields of a descriptor are read once and checked, and each wait and each
 * round is bounded.
 */
#define E1000_DEVICE_82574 0x10d3u
/* the most descriptors of the receive ring: this number fills one page */
#define E1000_RX_MAX	  256u
#define E1000_TX_MAX	  256u
#define E1000_PIECE_SHORT 2048u
#define E1000_PIECE_LONG  4096u
/* The most buffers that one frame takes. */
#define E1000_FRAME_PIECES 3u
/* The driver gives the card up after this number of impossible descriptors. */
#define E1000_BAD_MAX 16u

/* The driver's DMA pages; the buffers follow, those for receiving first. */
enum e1000_page {
	E1000_PAGE_RX,
	E1000_PAGE_TX,
	E1000_PAGE_PIECES,
	E1000_PAGES_MIN = E1000_PAGE_PIECES + 2 * E1000_RING_UNIT * 2,
};

struct e1000 {
	volatile u8 *registers;
	u64 register_bytes;
	struct driver_dma memory;
	bool is_82574;
	bool interrupts;
	u32 frame_max; /* the most bytes of a frame of the network */

	u32 piece_bytes;
	volatile struct e1000_rx *rx;
	volatile struct e1000_tx *tx;
	u32 rx_count;
	u32 tx_count;
	u32 rx_next; /* the index of the receive descriptor that the card fills next */
	/* the value last written to register RDT, the index at which the card stops filling */
	u32 rx_given;
	u32 tx_next; /* the index of the transmit descriptor that the driver fills next */
	u32 tx_done; /* the index of the oldest transmit descriptor that the card still has */
	/* the value last written to register TDT, the index at which the card stops sending */
	u32 tx_told;
	/* the driver waits for room: the card interrupts for frames that it has sent */
	bool awaits_room;
	/* the received part of a frame that comes in several buffers */
	u8 frame[E1000_FRAME_PIECES * E1000_PIECE_LONG];
	u32 frame_bytes;
	bool spoilt; /* the rest of the frame that comes in several buffers is dropped */
	u32 bad;     /* the number of impossible descriptors that the card has returned */
	bool gone;   /* the card's registers read as ones: the card is gone */
};

/*
 * Resets the card, brings it up for all frames of its network and identifies it. Returns false if
 * the card cannot be used; `problem` then says why.
 */
bool e1000_start(struct e1000 *e1000, struct card *card, char *problem, size_t size);

/*
 * Copies a frame to be sent. Returns false if there is no room; an interrupt comes when there is.
 */
bool e1000_transmit(struct e1000 *e1000, const u8 *frame, u32 bytes);
/* Makes the card send the frames added by e1000_transmit. */
void e1000_flush(struct e1000 *e1000);
/* Passes received frames to card_receive, at most as many as the ring holds. */
void e1000_receive(struct e1000 *e1000);
/* Returns whether the card has received no frame that waits for the driver. */
bool e1000_is_idle(const struct e1000 *e1000);
/* Acknowledges the interrupt causes and reports the state of the link (card_link). */
void e1000_look(struct e1000 *e1000);
/* Returns why the driver has to give up, or NULL. */
const char *e1000_failure(const struct e1000 *e1000);

/* Enables the card's interrupts; with `room` also those for frames that have been sent. */
void e1000_allow(const struct e1000 *e1000, bool room);

/* Lets other threads run during a wait for the card; the program or a test defines it. */
void e1000_pause(void);

/* Reads a register of the card; its offset must lie within register_bytes. */
static inline u32 e1000_read(const struct e1000 *e1000, enum e1000_register at)
{
	return *(const volatile u32 *)(e1000->registers + at);
}

static inline void e1000_write(const struct e1000 *e1000, enum e1000_register at, u64 value)
{
	*(volatile u32 *)(e1000->registers + at) = (u32)value;
}

/*
 * Returns the offset in the DMA memory of buffer `number`; the buffers of the transmit ring follow
 * those of the receive ring.
 */
static inline u64 e1000_piece(const struct e1000 *e1000, u32 number)
{
	return E1000_PAGE_PIECES * PAGE_SIZE + (u64)number * e1000->piece_bytes;
}

/* Returns the host-physical address of a byte in the driver's own memory. */
static inline u64 e1000_address(const struct e1000 *e1000, u64 offset)
{
	return e1000->memory.address[offset / PAGE_SIZE] + offset % PAGE_SIZE;
}
