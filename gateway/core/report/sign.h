/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/base/buffer.h"

/*
 * Reads the key that signs reports, report-key.pem of the state directory; if there is none and
 * `make` is true, makes it first. Returns false after a sentence on stderr; reports are not signed
 * then.
 */
bool sign_open(bool make);
/*
 * Adds a signature of the bytes to `text`, one line of JSON. Adds nothing, and returns false, when
 * there is no key.
 */
bool sign_bytes(const char *bytes, size_t count, struct buffer *text);
/* Prints the key's fingerprint, and the public key as PEM. Returns false if that fails. */
bool sign_print(void);
