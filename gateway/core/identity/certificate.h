/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Reads the certificate and key of the state directory, which are made at the first start (P-256,
 * self-signed). The caller frees them. Returns false, after a sentence on stderr, if there are
 * none.
 */
bool certificate_open(char **certificate, char **key, char *fingerprint);
