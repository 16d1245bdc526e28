/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * The certificate and key of the state directory, made at the first start (P-256, self-signed). The
 * caller frees them. Returns false if there are none, with a sentence on stderr.
 */
bool certificate_open(char **certificate, char **key, char *fingerprint);
