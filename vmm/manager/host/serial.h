/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

#define SERIAL_RECEIVE_BYTES 8192u

enum serial_name { SERIAL_COM1, SERIAL_COM2, SERIAL_COM3, SERIAL_COUNT };

/* Opens a host UART: 115200 8n1, FIFOs on, with interrupts if it has them. False: no UART. */
bool serial_open(enum serial_name name);
bool serial_present(enum serial_name name);

/*
 * Handles the UART's interrupt: moves received bytes to the buffer, then unmasks the line. COM3 has
 * no interrupt of its own and needs this call every millisecond or so, for sending too.
 */
void serial_interrupt(enum serial_name name);

/*
 * The same for COM1 and COM2 if they have no interrupt either; else a look, each second, whether
 * one was lost. The TSC at which it is due.
 */
void serial_poll(void);
/* Whether one was, since the last time that this was asked. */
bool serial_lost_interrupt(enum serial_name name);
u64 serial_deadline(void);

/*
 * Takes up to `size` received bytes. A full buffer makes the sender wait, by RTS; *lost (may be
 * NULL) is how many bytes in all were lost before the last one taken, because the sender did not
 * wait.
 */
u32 serial_receive(enum serial_name name, void *bytes, u32 size, u64 *lost);

/* How many bytes have come in all; wraps. */
u32 serial_received(enum serial_name name);
/* How many received bytes wait to be taken. */
u32 serial_waiting(enum serial_name name);
/* How many of them there are up to and including the first `byte`; 0: it is not there. */
u32 serial_find(enum serial_name name, u8 byte);

/*
 * Gives bytes to the UART while it takes them and returns how many; never waits. When it took
 * fewer, EVENT_SERIAL comes once it takes more.
 */
u32 serial_send(enum serial_name name, const u8 *bytes, u32 count);

/* Waits until the last byte has left the UART, at most 100 ms: only before the machine stops. */
void serial_flush(enum serial_name name);
