/* SPDX-License-Identifier: MIT */
#include "vmm/manager/login/secret_line.h"
#include "vmm/rt/crypto/secret.h"

#define CONTROL_C 0x03
#define CONTROL_U 0x15
#define BACKSPACE 0x08
#define DELETE	  0x7f

/* The end of the line before may still be on its way: after_cr stays. */
void secret_line_begin(struct secret_line *line)
{
	secret_forget(line->text, sizeof(line->text));
	line->length = 0;
}

enum secret_event secret_line_feed(struct secret_line *line, u8 byte)
{
	bool after_cr = line->after_cr;

	line->after_cr = byte == '\r';
	if (byte == '\r' || (byte == '\n' && !after_cr))
		return SECRET_DONE;
	if (byte == CONTROL_C)
		return SECRET_BREAK;
	if (byte == CONTROL_U)
		secret_line_begin(line);
	else if ((byte == BACKSPACE || byte == DELETE) && line->length > 0 &&
		 line->length <= PASSWORD_LENGTH_MAX)
		line->text[--line->length] = 0;
	else if (byte >= ' ' && byte != DELETE && line->length < PASSWORD_LENGTH_MAX)
		line->text[line->length++] = (char)byte;
	else if (byte >= ' ' && byte != DELETE)
		line->length = PASSWORD_LENGTH_MAX + 1;
	return SECRET_NONE;
}
