/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Certificates, known by their fingerprints and trusted at first use: lines "HOST:PORT FINGERPRINT"
 * in $XDG_CONFIG_HOME/skerry/known_hosts.
 */
enum trust {
	TRUST_KNOWN,
	TRUST_NEW,     /* no fingerprint of this server is known */
	TRUST_CHANGED, /* another fingerprint of this server is known */
	TRUST_BROKEN,  /* the file cannot be read */
};

enum trust trust_look(const char *server, const char *fingerprint);

/* Adds a server's fingerprint to known_hosts. Returns false with errno set. */
bool trust_store(const char *server, const char *fingerprint);

/*
 * Writes the path of a file in skerryctl's folder. Returns false if there is no home folder, or the
 * path is too long.
 */
bool trust_path(const char *name, char *path, size_t size);

/* Makes the folders of `path`, which only this user may enter. */
bool trust_make_folders(const char *path);
