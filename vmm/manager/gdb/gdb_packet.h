/* SPDX-License-Identifier: MIT */
#pragma once

/* The frames of GDB's remote protocol: bytes to packets, and answers to bytes. */
#include "vmm/manager/text/text.h"

/* the longest packet without its frame; the answer to qSupported tells GDB this limit */
#define GDB_PACKET_BYTES 4096u
#define GDB_OUT_BYTES	 (2 * GDB_PACKET_BYTES + 64)

/*
 * The frame of GDB's remote protocol: $data#checksum, acknowledged by + or - until both sides agree
 * to leave the acknowledgements out ("Overview" of the appendix on it in GDB's manual).
 */
enum gdb_input {
	GDB_NOTHING,
	GDB_PACKET,    /* a complete packet is in `packet` */
	GDB_INTERRUPT, /* an interrupt: GDB has sent Ctrl-C */
};

struct gdb_line {
	bool acknowledge;
	/* The state of the incoming packet: */
	bool inside;
	u32 tail; /* characters of the checksum after # that were read so far */
	u8 sum;
	u8 wanted; /* the checksum that GDB has sent */
	u32 length;
	bool overflow;
	char packet[GDB_PACKET_BYTES + 1]; /* the last packet, terminated; it may hold any byte */
	/*
	 * outgoing bytes: [sent, filled) is not sent yet; the last packet is kept, to be repeated
	 * if GDB answers -
	 */
	u32 filled;
	u32 sent;
	u32 last; /* the index in the output at which the last packet begins */
	char out[GDB_OUT_BYTES];
};

void gdb_line_init(struct gdb_line *line);
/*
 * Acknowledges the packet just taken, a new GDB's first, even if acknowledgements were left out
 * with the GDB before.
 */
void gdb_line_restart(struct gdb_line *line);
enum gdb_input gdb_line_take(struct gdb_line *line, u8 byte);
/* Queues a packet behind the bytes that are not sent yet. */
void gdb_line_send(struct gdb_line *line, const char *packet);
/* Queues text for a person, without a frame: a GDB skips it. */
void gdb_line_text(struct gdb_line *line, const char *text);

/* Takes a hexadecimal number from *text; returns 0 without one. */
u64 gdb_hex(const char **text);
/* Decodes pairs of digits into bytes; returns how many, at most `size`. */
u32 gdb_hex_bytes(const char *text, u8 *bytes, u32 size);
/* Decodes an X packet's data, with its escapes; returns how many bytes, at most `size`. */
u32 gdb_binary_bytes(const char *text, u32 length, u8 *bytes, u32 size);
