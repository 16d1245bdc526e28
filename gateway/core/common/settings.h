/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* The settings from the command line, fixed after the start. */
struct settings {
	const char *link, *state, *listen, *socket, *libvirt, *ui, *password_file, *token_hash;
	const char *sbom;      /* the SPDX document of the image; NULL: none */
	const char *names[16]; /* the names that a Host header may have, besides addresses */
	unsigned name_count;
	/* ranges in which web hooks may be although they are private */
	const char *hook_allow[16];
	unsigned hook_allow_count;
	/* networks of guests into which published ports may lead, ADDRESS/BITS of IPv4 */
	const char *publish[4];
	unsigned publish_count;
	const char *publish_at;	 /* the address at which published ports are; IPv4 */
	unsigned publish_idle_s; /* without a byte, after which a connection to one is ended */
	/* sendmail's path, who mail comes from (NULL: none is sent), and who may get it */
	const char *sendmail, *mail_from, *mail_to[16];
	unsigned mail_to_count;
	const char *hook_ca;	    /* certificates that vouch for web hooks; NULL: the system's */
	unsigned rate, change_rate; /* requests and changes a second for each token; 0: no limit */
	/* the most connections without a credential from one address; 0: no limit */
	unsigned per_address;
	unsigned anchor_s;
	unsigned audit_kib;   /* the size in KiB of an audit file at which the next file is begun */
	unsigned audit_files; /* how many full audit files are kept; 0: all */
	unsigned history_mib; /* how many MiB the files of histories may take; 0: none are kept */
	/* seconds without a line from Skerry after which the link counts as lost */
	unsigned silence_s;
	/* a peer on a Unix socket is taken for the user (users.json) of the same name */
	bool socket_users;
	bool issued;	      /* the certificate is not self-signed */
	char fingerprint[65]; /* the certificate's fingerprint, SHA-256 in hex */
};
extern struct settings settings;

#define SKERRYD_VERSION "0.1.0"
