/* SPDX-License-Identifier: MIT */
/*
 * Moves frames through the receive and transmit rings: 8254x 3.2 and 3.3. Called by main.c for
 * `card_ops`; owns the ring indices and touches the driver's DMA pages and the card's tail
 * registers.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/net/e1000/e1000.h"

/*
 * Receive descriptors are returned to the card in groups of this size, as the tail register is slow
 * to write.
 */
#define GIVE_BACK 16u

static u32 e1000_next_of(u32 index, u32 count)
{
	return index + 1 == count ? 0 : index + 1;
}

/* Returns the number of free transmit descriptors; one is never used. */
static u32 e1000_tx_free(const struct e1000 *e1000)
{
	u32 used = (e1000->tx_next + e1000->tx_count - e1000->tx_done) % e1000->tx_count;

	return e1000->tx_count - 1 - used;
}

/*
 * Reclaims the transmit descriptors of sent frames. A card that reports a frame as sent too early
 * sends the buffer's later content.
 */
static void e1000_reclaim(struct e1000 *e1000)
{
	while (e1000->tx_done != e1000->tx_told &&
	       (e1000->tx[e1000->tx_done].status & E1000_TX_DD) != 0)
		e1000->tx_done = e1000_next_of(e1000->tx_done, e1000->tx_count);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static void e1000_put_piece(struct e1000 *e1000, const u8 *data, u32 bytes, u32 fill, bool last)
{
	u32 index = e1000->tx_next;
	volatile struct e1000_tx *descriptor = &e1000->tx[index];
	u8 *piece = e1000->memory.memory + e1000_piece(e1000, e1000->rx_count + index);

	memcpy(piece, data, bytes);
	memset(piece + bytes, 0, fill);
	descriptor->address = e1000_address(e1000, e1000_piece(e1000, e1000->rx_count + index));
	descriptor->bytes = (u16)(bytes + fill);
	descriptor->checksum_offset = 0;
	descriptor->command = (u8)(E1000_TX_IFCS | E1000_TX_RS | (last ? E1000_TX_EOP : 0));
	descriptor->status = 0;
	descriptor->checksum_start = 0;
	descriptor->special = 0;
	e1000->tx_next = e1000_next_of(index, e1000->tx_count);
}

/*
 * Returns whether `pieces` transmit descriptors are free; if not, asks for an interrupt when a
 * descriptor is done.
 */
static bool e1000_make_room(struct e1000 *e1000, u32 pieces)
{
	if (e1000_tx_free(e1000) >= pieces)
		return true;
	e1000_flush(e1000);
	e1000_reclaim(e1000);
	if (e1000_tx_free(e1000) >= pieces)
		return true;
	e1000_allow(e1000, true);
	e1000->awaits_room = true;
	e1000_reclaim(e1000);
	return e1000_tx_free(e1000) >= pieces;
}

bool e1000_transmit(struct e1000 *e1000, const u8 *frame, u32 bytes)
{
	u32 fill = bytes < CARD_BYTES_MIN ? CARD_BYTES_MIN - bytes : 0;

	if (!e1000_make_room(e1000, (bytes + e1000->piece_bytes - 1) / e1000->piece_bytes))
		return false;
	for (u32 done = 0; done < bytes;) {
		u32 part = MIN(bytes - done, e1000->piece_bytes);

		e1000_put_piece(e1000, frame + done, part, fill, done + part == bytes);
		done += part;
	}
	return true;
}

void e1000_flush(struct e1000 *e1000)
{
	if (e1000->tx_told == e1000->tx_next)
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	e1000->tx_told = e1000->tx_next;
	e1000_write(e1000, E1000_TDT, e1000->tx_told);
}

/*
 * Returns the flags for card_receive. A frame with a wrong checksum passes as unchecked: its
 * receiver judges it.
 */
static u8 e1000_flags_of(u8 status, u8 errors)
{
	bool good = (status & E1000_RX_IXSM) == 0 && (status & E1000_RX_TCPCS) != 0 &&
		    (errors & (E1000_RX_TCPE | E1000_RX_IPE)) == 0;

	return good ? (u8)FRAME_CHECKED : 0;
}

/* Adds one buffer's bytes to a frame that comes in several buffers. */
static void e1000_join(struct e1000 *e1000, const u8 *piece, u32 bytes, bool last, u8 flags)
{
	if (e1000->spoilt || bytes > sizeof(e1000->frame) - e1000->frame_bytes) {
		e1000->spoilt = true;
	} else {
		memcpy(e1000->frame + e1000->frame_bytes, piece, bytes);
		e1000->frame_bytes += bytes;
	}
	if (!last)
		return;
	if (e1000->spoilt)
		card_count_error();
	else
		card_receive(e1000->frame, e1000->frame_bytes, flags);
	e1000->frame_bytes = 0;
	e1000->spoilt = false;
}

static void e1000_take(struct e1000 *e1000, u32 index, u8 status)
{
	volatile const struct e1000_rx *descriptor = &e1000->rx[index];
	const u8 *piece = e1000->memory.memory + e1000_piece(e1000, index);
	u32 bytes = descriptor->bytes;
	u8 errors = descriptor->errors;
	bool last = (status & E1000_RX_EOP) != 0;

	if (bytes > e1000->piece_bytes) {
		e1000->bad++;
		e1000->spoilt = true;
		bytes = 0;
	}
	if (last && (errors & E1000_RX_BROKEN) != 0)
		e1000->spoilt = true;
	if (last && e1000->frame_bytes == 0 && !e1000->spoilt)
		card_receive(piece, bytes, e1000_flags_of(status, errors));
	else
		e1000_join(e1000, piece, bytes, last, e1000_flags_of(status, errors));
}

/*
 * Gives the card all free receive descriptors but one, as a full ring would look like an empty one.
 */
static void e1000_give_back(struct e1000 *e1000)
{
	u32 given = (e1000->rx_next + e1000->rx_count - 1) % e1000->rx_count;

	if (given == e1000->rx_given)
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	e1000->rx_given = given;
	e1000_write(e1000, E1000_RDT, given);
}

void e1000_receive(struct e1000 *e1000)
{
	for (u32 taken = 0; taken < e1000->rx_count; taken++) {
		u32 index = e1000->rx_next;
		u8 status = e1000->rx[index].status;

		if ((status & E1000_RX_DD) == 0)
			break;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		e1000_take(e1000, index, status);
		e1000->rx[index].address = e1000_address(e1000, e1000_piece(e1000, index));
		e1000->rx[index].status = 0;
		e1000->rx_next = e1000_next_of(index, e1000->rx_count);
		if (taken % GIVE_BACK == GIVE_BACK - 1)
			e1000_give_back(e1000);
	}
	e1000_give_back(e1000);
}

bool e1000_is_idle(const struct e1000 *e1000)
{
	return (e1000->rx[e1000->rx_next].status & E1000_RX_DD) == 0;
}

/*
 * Clears the interrupt causes before anything is looked at, so later events interrupt again. With
 * MSI-X reading the causes does not clear them.
 */
void e1000_look(struct e1000 *e1000)
{
	static const u32 megabits[] = {10, 100, 1000, 1000};
	u32 causes = e1000_read(e1000, E1000_ICR);
	u32 status;

	if (causes != 0 && causes != ~0u)
		e1000_write(e1000, E1000_ICR, causes);
	status = e1000_read(e1000, E1000_STATUS);
	if (status == ~0u) {
		e1000->gone = true;
		return;
	}
	if (e1000->awaits_room)
		e1000_allow(e1000, false);
	e1000->awaits_room = false;
	card_link((status & E1000_STATUS_LU) != 0,
		  (status & E1000_STATUS_LU) != 0 ? megabits[bits_get(status, 7, 6)] : 0);
}

const char *e1000_failure(const struct e1000 *e1000)
{
	if (e1000->gone)
		return "the card does not answer any more";
	return e1000->bad >= E1000_BAD_MAX
		       ? "the card tells of more data than it was given room for"
		       : NULL;
}
