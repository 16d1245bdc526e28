/* SPDX-License-Identifier: MIT */
/*
 * The frames of GDB's remote protocol: takes packets from bytes and queues answers. Called by the
 * other files of this folder. Holds no state beyond the given line.
 */
#include "vmm/manager/gdb/gdb_packet.h"
#include "lib/string.h"

#define INTERRUPT 0x03
#define ESCAPE	  '}'

static const char digits[] = "0123456789abcdef";

void gdb_line_init(struct gdb_line *line)
{
	line->acknowledge = true;
	line->inside = false;
	line->tail = 0;
	line->filled = 0;
	line->sent = 0;
	line->last = 0;
}

u64 gdb_hex(const char **text)
{
	u64 value = 0;

	for (; char_hex_value(**text) < 16; (*text)++)
		value = value << 4 | char_hex_value(**text);
	return value;
}

u32 gdb_hex_bytes(const char *text, u8 *bytes, u32 size)
{
	u32 count = 0;

	for (; count < size && char_hex_value(text[0]) < 16 && char_hex_value(text[1]) < 16;
	     text += 2)
		bytes[count++] = (u8)(char_hex_value(text[0]) << 4 | char_hex_value(text[1]));
	return count;
}

u32 gdb_binary_bytes(const char *text, u32 length, u8 *bytes, u32 size)
{
	u32 count = 0;

	for (u32 i = 0; i < length && count < size; i++) {
		u8 byte = (u8)text[i];

		if (byte == ESCAPE && i + 1 < length)
			byte = (u8)(text[++i] ^ 0x20);
		bytes[count++] = byte;
	}
	return count;
}

static void gdb_put(struct gdb_line *line, char c)
{
	if (line->filled < GDB_OUT_BYTES)
		line->out[line->filled++] = c;
}

/* Makes room in the output in place of bytes that were sent. */
static void gdb_compact(struct gdb_line *line)
{
	memmove(line->out, line->out + line->sent, line->filled - line->sent);
	line->filled -= line->sent;
	line->sent = 0;
}

void gdb_line_send(struct gdb_line *line, const char *packet)
{
	u8 sum = 0;

	gdb_compact(line);
	line->last = line->filled;
	gdb_put(line, '$');
	for (; *packet != '\0'; packet++) {
		sum = (u8)(sum + (u8)*packet);
		gdb_put(line, *packet);
	}
	gdb_put(line, '#');
	gdb_put(line, digits[sum >> 4]);
	gdb_put(line, digits[sum & 15]);
}

void gdb_line_text(struct gdb_line *line, const char *text)
{
	gdb_compact(line);
	for (; *text != '\0'; text++)
		gdb_put(line, *text);
	line->last = line->filled;
}

static void gdb_acknowledge(struct gdb_line *line, char c)
{
	if (!line->acknowledge)
		return;
	gdb_compact(line);
	gdb_put(line, c);
	/* new input from GDB shows that it has received the last packet */
	line->last = line->filled;
}

void gdb_line_restart(struct gdb_line *line)
{
	if (line->acknowledge)
		return;
	line->acknowledge = true;
	gdb_acknowledge(line, '+');
}

/* Handles the last character of a packet from GDB: compares the checksum. */
static enum gdb_input gdb_finish(struct gdb_line *line)
{
	line->inside = false;
	line->packet[line->length] = '\0';
	if (line->overflow || (line->acknowledge && line->sum != line->wanted)) {
		gdb_acknowledge(line, '-');
		return GDB_NOTHING;
	}
	gdb_acknowledge(line, '+');
	return GDB_PACKET;
}

static enum gdb_input gdb_outside(struct gdb_line *line, u8 byte)
{
	if (byte == '$') {
		line->inside = true;
		line->tail = 0;
		line->sum = 0;
		line->length = 0;
		line->overflow = false;
	} else if (byte == '-' && line->acknowledge && line->sent == line->filled) {
		line->sent = line->last; /* the last packet is sent once more */
	}
	return byte == INTERRUPT ? GDB_INTERRUPT : GDB_NOTHING;
}

enum gdb_input gdb_line_take(struct gdb_line *line, u8 byte)
{
	if (!line->inside)
		return gdb_outside(line, byte);
	if (line->tail > 0) {
		line->wanted = (u8)((u32)line->wanted << 4 | (char_hex_value((char)byte) & 15));
		return line->tail++ == 2 ? gdb_finish(line) : GDB_NOTHING;
	}
	if (byte == '#') {
		line->tail = 1;
		line->wanted = 0;
	} else if (byte == '$') {
		gdb_outside(line, byte); /* the end of the packet before this byte was lost */
	} else if (line->length == GDB_PACKET_BYTES) {
		line->overflow = true;
	} else {
		line->sum = (u8)(line->sum + byte);
		line->packet[line->length++] = (char)byte;
	}
	return GDB_NOTHING;
}
