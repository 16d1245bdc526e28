/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* The settings from the command line, fixed after the start. */
struct settings {
	const char *link, *state, *listen, *socket, *libvirt, *ui, *password_file, *token_hash;
	const char *names[16]; /* the names that a Host header may have, besides addresses */
	unsigned name_count;
	unsigned rate, change_rate; /* requests and changes a second for each token; 0: no limit */
	unsigned per_address;	    /* the most connections from one address */
	unsigned anchor_s;
	unsigned audit_kib;   /* the size of an audit file, after which the next file is begun */
	unsigned audit_files; /* the full audit files that are kept; 0: all */
	unsigned silence_s;   /* the silence after which the link counts as lost */
	bool socket_users;    /* local users are the users of the same name on Unix sockets */
	bool issued;	      /* the certificate was issued by another one than itself */
	char fingerprint[65]; /* the certificate's fingerprint, SHA-256 in hex */
};
extern struct settings settings;

#define SKERRYD_VERSION "0.1.0"
