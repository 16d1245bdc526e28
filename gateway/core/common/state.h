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

/* *text is NULL when there is no such file; the caller frees it. */
bool state_read(const char *name, char **text);

/* Writes a file: the old one or the new one is there, whatever happens. */
bool state_write(const char *name, const char *text, size_t count);
/* Writes a file of JSON in the same way, and frees `root`. */
bool state_write_json(const char *name, json_t *root);

/* The certificate and key, made at the first start (P-256, self-signed). The caller frees them. */
bool certificate_open(char **certificate, char **key, char *fingerprint);
