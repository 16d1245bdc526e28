/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Opens the state directory (mode 0700, its files 0600). Returns false with a sentence on stderr.
 */
bool state_open(const char *path);
int state_folder(void);

/*
 * Reads a file of the state directory into *text, which the caller frees. *text is NULL when there
 * is no such file.
 */
bool state_read(const char *name, char **text);

/* Writes a file of the state directory. If that fails at any point, the old file is still there. */
bool state_write(const char *name, const char *text, size_t count);
/* Writes a file of JSON in the same way, and frees `root`. */
bool state_write_json(const char *name, json_t *root);

/*
 * Reads the certificate and key, which are made at the first start (P-256, self-signed). The caller
 * frees both.
 */
bool certificate_open(char **certificate, char **key, char *fingerprint);
