/* SPDX-License-Identifier: MIT */
/*
 * The mode and size of the terminal in which skerryctl was started. Commands that pass keys to a
 * guest as they are pressed call it; it changes the terminal on stdin alone.
 */
#include "gateway/cli/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

enum { TERMINAL_SIDE = 1000 }; /* the most rows and columns that a run's terminal has */

static struct termios before;
static bool raw;

void terminal_restore(void)
{
	if (raw)
		tcsetattr(0, TCSADRAIN, &before);
	raw = false;
}

bool terminal_raw(void)
{
	struct termios now;

	if (tcgetattr(0, &before) != 0)
		return false;
	now = before;
	cfmakeraw(&now);
	atexit(terminal_restore);
	raw = tcsetattr(0, TCSADRAIN, &now) == 0;
	return raw;
}

bool terminal_is_raw(void)
{
	return raw;
}

void terminal_size(unsigned *rows, unsigned *columns)
{
	struct winsize size = {0};
	bool known = ioctl(0, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;

	*rows = known ? size.ws_row : 24;
	*columns = known ? size.ws_col : 80;
	if (*rows > TERMINAL_SIDE)
		*rows = TERMINAL_SIDE;
	if (*columns > TERMINAL_SIDE)
		*columns = TERMINAL_SIDE;
}
