/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"

enum { REPORT_FINGERPRINT_BYTES = 65, REPORT_PATH_BYTES = 4096 };

/* Writes the name of the file that has the signature of the one at `path`, or ends the program. */
void report_signature_path(const char *path, char beside[REPORT_PATH_BYTES]);

/*
 * Verifies a signature, a JSON text as skerryd makes it, over the bytes. Returns NULL, with the
 * fingerprint of the key that has signed them, or what is wrong.
 */
const char *report_signature_check(const char *bytes, size_t count, const char *signature,
				   char fingerprint[REPORT_FINGERPRINT_BYTES]);
/* Verifies the file at `path` by the one beside it, and says by which key it is signed. */
enum cli_exit report_signature_verify(const struct cli *cli, const char *path);
