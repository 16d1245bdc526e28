/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"

enum { REPORT_FINGERPRINT_BYTES = 65, REPORT_PATH_BYTES = 4096 };

/* Writes the name of the file with the signature of the report at `path`, or ends the program. */
void report_signature_path(const char *path, char beside[REPORT_PATH_BYTES]);

/*
 * Verifies a signature, a JSON text as skerryd makes it, over the bytes. Returns NULL, with the
 * signing key's fingerprint, or a sentence that says what is wrong.
 */
const char *report_signature_check(const char *bytes, size_t count, const char *signature,
				   char fingerprint[REPORT_FINGERPRINT_BYTES]);
/*
 * Verifies the report at `path` by the signature file beside it, and prints the signing key's
 * fingerprint.
 */
enum cli_exit report_signature_verify(const struct cli *cli, const char *path);
