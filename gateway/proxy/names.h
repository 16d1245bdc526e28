/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "gateway/proxy/rule.h"

/*
 * The process that answers clients' questions for addresses of names. The listening process, which
 * reads no byte of a client, starts it, and starts it again when the rules or the name servers have
 * changed, or it has ended.
 */

/*
 * Opens the sockets for questions if the rules have names, and looks whether the set of nftables is
 * there. Returns false after a message that says what would be right. When the sockets are open, it
 * looks at the set alone.
 */
bool names_open(const struct rules *rules);
/*
 * Ends the process, if there is one, and starts another with these rules; if they have no names, it
 * closes the sockets.
 */
void names_start(struct rules *rules);
/* Returns whether that was the process; it is started again by names_keep(), after a pause. */
bool names_ended(pid_t pid);
/*
 * Starts the process again if it has ended, or if the file of name servers has changed. Called once
 * a second.
 */
void names_keep(struct rules *rules);
/* Returns whether names_keep() is to be called. */
bool names_wanted(void);
/* Closes the sockets, in the processes of connections. */
void names_close(void);
