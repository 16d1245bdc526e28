/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* From the command line; fixed after the start. */
struct settings {
	const char *link, *state, *listen, *socket, *ui, *password_file, *token_hash;
	const char *names[16]; /* that a Host header may have, besides addresses */
	unsigned name_count;
	unsigned rate, change_rate; /* requests and changes a second for each token, 0: any */
	unsigned per_address;	    /* connections */
	unsigned anchor_s;
	unsigned audit_kib;   /* of a file of the audit; then the next one is begun */
	unsigned audit_files; /* full ones that are kept; 0: all */
	unsigned silence_s;   /* after which the link counts as lost */
	bool issued;	      /* the certificate, by another one than itself */
	char fingerprint[65]; /* of the certificate, SHA-256 in hex */
};
extern struct settings settings;

#define SKERRYD_VERSION "0.1.0"
