/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The host's serial ports COM1 to COM3: received bytes are kept until they are taken, and sending
 * never waits.
 */
#include "lib/types.h"

#define SERIAL_RECEIVE_BYTES 8192u

enum serial_name { SERIAL_COM1, SERIAL_COM2, SERIAL_COM3, SERIAL_COUNT };

/*
 * Opens a host UART: 115200 8n1, FIFOs on, with interrupts if it has them. Returns false if there
 * is none.
 */
bool serial_open(enum serial_name name);
bool serial_present(enum serial_name name);

/*
 * Handles the UART's interrupt: moves received bytes to the buffer, then unmasks the line. COM3 has
 * no interrupt of its own and needs this call about every millisecond, for sending too.
 */
void serial_interrupt(enum serial_name name);

/*
 * Handles COM1 and COM2 as serial_interrupt() does, if they have no interrupt; otherwise finds out,
 * once a second, whether an interrupt was lost. serial_deadline() returns the TSC at which
 * serial_poll is due.
 */
void serial_poll(void);
/* Returns whether an interrupt was lost since the last call. */
bool serial_lost_interrupt(enum serial_name name);
u64 serial_deadline(void);

/*
 * Takes up to `size` received bytes. A full buffer makes the sender wait, by RTS; *lost (may be
 * NULL) is the total of bytes lost before the last byte taken, because the sender did not wait.
 */
u32 serial_receive(enum serial_name name, void *bytes, u32 size, u64 *lost);

/* Returns the total of bytes received; it wraps. */
u32 serial_received(enum serial_name name);
/* Returns the number of received bytes that were not taken yet. */
u32 serial_waiting(enum serial_name name);
/*
 * Returns how many received bytes there are up to and including the first `byte`, or 0 if `byte` is
 * not among them.
 */
u32 serial_find(enum serial_name name, u8 byte);
/*
 * Returns whether the bytes not taken yet are the beginning of a line, not a long one, of which no
 * byte was lost.
 */
bool serial_began_line(enum serial_name name);

/*
 * Gives bytes to the UART while it takes them and returns their number; never waits. If it took
 * fewer, EVENT_SERIAL comes once it takes more.
 */
u32 serial_send(enum serial_name name, const u8 *bytes, u32 count);

/*
 *  Waits until the last byte has left the UART, at most 100 ms; only for when the host stops.
 */
void serial_flush(enum serial_name name);
