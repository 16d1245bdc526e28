/* SPDX-License-Identifier: MIT */
/*
 * Edits a line that is typed without echo. Called by console_secret.c and gdb_login.c. Holds no
 * state beyond the given line, which it wipes.
 */
#include "vmm/manager/login/secret_line.h"
#include "vmm/rt/crypto/secret.h"

#define CONTROL_C 0x03
#define CONTROL_U 0x15
#define BACKSPACE 0x08
#define DELETE	  0x7f

/* Clears the line. `after_cr` stays, as the last line's LF may still come. */
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
