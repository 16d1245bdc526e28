/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/console_output.h"
#include "vmm/manager/host/serial.h"
#include "vmm/manager/login/login.h"

/*
 * The secrets that the console asks for without echo: the password that opens it, the two lines of
 * a new password, and the key of saved VMs. No function here waits: a step does as much as it can.
 */
enum console_secret_state {
	/* there is nothing to do until more input comes or the deadline passes */
	CONSOLE_SECRET_IDLE,
	CONSOLE_SECRET_BUSY, /* there is more work, which need not wait */
	CONSOLE_SECRET_DONE, /* nothing is asked any more, and the operator may type commands */
};

/* The login of the console. */
extern struct login console_login;

/*
 * Asks for the password; once the right one was typed, console_secret_step returns
 * CONSOLE_SECRET_DONE.
 */
void console_secret_ask(struct console_output *output);
/* Asks for a new password, twice, and prints its line for the configuration file. */
void console_secret_make(struct console_output *output, u32 iterations);

/* Asks for the key of saved VMs, or, if the name is not "", for the key of disks of that name. */
void console_secret_ask_key(struct console_output *to, const char *disk_key_name);

/*
 * Gives up making a new password; returns false if the password was typed and its hash is still
 * being computed, which soon ends.
 */
bool console_secret_drop(void);

enum console_secret_state console_secret_step(enum serial_name port);
/* Returns the TSC by which console_secret_step has to be called. */
u64 console_secret_deadline(void);
