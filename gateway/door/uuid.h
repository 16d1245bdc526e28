/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { UUID_BYTES = 16, UUID_TEXT_BYTES = 37 };

/* Reads a UUID as it is written, with its dashes; returns false for NULL, and for anything else. */
bool uuid_read(const char *text, uint8_t uuid[UUID_BYTES]);
void uuid_text(const uint8_t uuid[UUID_BYTES], char text[UUID_TEXT_BYTES]);
/*
 * Computes a UUID from a kind and a name, for objects without one of their own, such as networks.
 * The same kind and name always give the same UUID.
 */
void uuid_of_name(const char *kind, const char *name, uint8_t uuid[UUID_BYTES]);
