/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Certificates by their fingerprint, trusted at first use: lines "HOST:PORT FINGERPRINT" in
 * $XDG_CONFIG_HOME/skerry/known_hosts.
 */
enum trust {
	TRUST_KNOWN,
	TRUST_NEW,     /* nothing is known of this server */
	TRUST_CHANGED, /* another fingerprint of this server is known */
	TRUST_BROKEN,  /* the file cannot be read */
};

enum trust trust_look(const char *server, const char *fingerprint);

/* Adds a line; false with errno set. */
bool trust_store(const char *server, const char *fingerprint);

/* The path of a file in skerryctl's folder; false: no home folder, or too long. */
bool trust_path(const char *name, char *path, size_t size);

/* Makes the folders of that path, for the user alone. */
bool trust_make_folders(const char *path);
