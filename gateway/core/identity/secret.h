/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	SECRET_BYTES = 32,
	SECRET_TEXT_BYTES = 80, /* the length of a secret as text */
};

/*
 * Makes a secret of `prefix` and 256 random bits: `text` gets it, `hash` its SHA-256. Returns false
 * if there are no random numbers.
 */
bool secret_make(const char *prefix, char *text, uint8_t *hash);
void secret_hash(const char *text, uint8_t *hash);
