/* SPDX-License-Identifier: MIT */
/*
 * Checks each byte of the head of an HTTP message, and refuses forms that different servers read
 * differently. web's gate and skerry-proxy call it before a byte passes; it keeps its state in its
 * argument.
 */
#include "gateway/base/head.h"

static bool head_control(unsigned char byte)
{
	return (byte < ' ' && byte != '\t') || byte == 127;
}

/* Handles the end of a line of the head. */
static enum head_result head_line(struct head *head)
{
	switch (head->state) {
	case HEAD_START:
		return HEAD_MORE;
	case HEAD_LINE:
	case HEAD_VALUE:
		head->state = HEAD_NAME_FIRST;
		return HEAD_MORE;
	case HEAD_NAME_FIRST:
		return HEAD_ENDS;
	case HEAD_NAME:
		break;
	}
	return HEAD_BAD;
}

static enum head_result head_byte(struct head *head, unsigned char byte)
{
	bool blank = byte == ' ' || byte == '\t';

	switch (head->state) {
	case HEAD_START:
		head->state = HEAD_LINE;
		return blank ? HEAD_BAD : HEAD_MORE;
	case HEAD_NAME_FIRST:
		head->state = HEAD_NAME;
		return blank || byte == ':' ? HEAD_BAD : HEAD_MORE;
	case HEAD_NAME:
		if (byte == ':')
			head->state = HEAD_VALUE;
		return blank ? HEAD_BAD : HEAD_MORE;
	case HEAD_LINE:
	case HEAD_VALUE:
		break;
	}
	return HEAD_MORE;
}

/*
 * Returns how many of the next bytes need no check one by one: within a line all bytes up to a
 * control, within a name all bytes up to its end.
 */
static size_t head_skip(const struct head *head, const char *bytes, size_t count)
{
	const unsigned char *from = (const unsigned char *)bytes;
	size_t at = 0;

	if (head->cr)
		return 0;
	if (head->state == HEAD_VALUE || head->state == HEAD_LINE) {
		while (at < count && from[at] >= ' ' && from[at] != 127)
			at++;
	} else if (head->state == HEAD_NAME) {
		while (at < count && from[at] > ' ' && from[at] != ':' && from[at] != 127)
			at++;
	}
	return at;
}

enum head_result head_take(struct head *head, const char *bytes, size_t count, size_t *used)
{
	enum head_result result = HEAD_MORE;
	size_t at = 0;

	while (at < count && result == HEAD_MORE) {
		size_t skipped = head_skip(head, bytes + at, count - at);
		unsigned char byte;
		bool cr = head->cr;

		at += skipped;
		head->count += skipped;
		if (at == count)
			break;
		byte = (unsigned char)bytes[at++];
		head->cr = byte == '\r';
		if (cr && byte != '\n')
			result = HEAD_BAD;
		else if (byte == '\n')
			result = cr ? head_line(head) : HEAD_BAD;
		else if (byte != '\r')
			result = head_control(byte) ? HEAD_BAD : head_byte(head, byte);
		head->count++;
	}
	*used = at;
	if (head->count > HEAD_BYTES)
		result = HEAD_BAD;
	if (result == HEAD_ENDS)
		*head = (struct head){HEAD_START, false, 0};
	return result;
}
