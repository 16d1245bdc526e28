/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"
#include "gateway/cli/websocket.h"

/* A connection to a program in a guest, over a WebSocket of skerryd. */
struct guest {
	struct cli *cli;
	const char *name; /* the VM's name */
	struct websocket socket;
	double credit; /* number of further bytes that skerryd takes for the guest */
	bool input_ended;
};

/*
 * Opens the WebSocket /v1/vms/NAME/WHAT. If that fails, writes why to stderr and returns the exit
 * code.
 */
enum cli_exit guest_open(struct guest *guest, const char *what);

/* Writes to stderr why the server has closed the WebSocket, and returns the matching exit code. */
enum cli_exit guest_closed(const struct guest *guest);
/*
 * Handles a text message: {"credit":N} lets the client send N more bytes, {"end":true} says that
 * the guest sends no more. Returns true for the latter.
 */
bool guest_take_text(struct guest *guest);
/* Allows the server to send as many more bytes as the last message of bytes had. */
void guest_give_credit(struct guest *guest);
