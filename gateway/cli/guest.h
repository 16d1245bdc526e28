/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"
#include "gateway/cli/websocket.h"

/* A connection to a program in a guest, over a WebSocket of skerryd. */
struct guest {
	struct cli *cli;
	const char *name; /* the machine's */
	struct websocket socket;
	double credit; /* bytes that skerryd takes */
	bool input_ended;
};

/* Opens it at /v1/vms/NAME/WHAT; what is wrong is told at stderr. */
enum cli_exit guest_open(struct guest *guest, const char *what);

/* Says why the server has closed it. */
enum cli_exit guest_closed(const struct guest *guest);
/*
 * Takes a message of text: {"credit":N}, so many bytes more may be sent; {"end":true}, the guest
 * sends no more. Returns whether it has said the latter.
 */
bool guest_take_text(struct guest *guest);
/* Lets the server send as many bytes more as the message of bytes had that was taken. */
void guest_give_credit(struct guest *guest);
