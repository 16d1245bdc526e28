/* SPDX-License-Identifier: MIT */
/*
 * The names of the VMs that this gateway has made for runs, by which it knows them even after a
 * restart. Core's main function calls it at the start, the table of runs and handlers later; it
 * keeps its key in the state directory.
 */
#include "gateway/core/live/run_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "gateway/base/bytes.h"
#include "gateway/core/common/name.h"
#include "gateway/core/common/state.h"

#define RUN_NAME_FILE "runs.key"

enum { RUN_NAME_KEY = 32, RUN_NAME_MARK = 6 };

static char run_name_key[2 * RUN_NAME_KEY + 1];

bool run_name_setup(void)
{
	uint8_t bytes[RUN_NAME_KEY];
	char *text;

	if (!state_read(RUN_NAME_FILE, &text))
		return false;
	if (text && strlen(text) == 2 * RUN_NAME_KEY) {
		memcpy(run_name_key, text, sizeof(run_name_key));
		free(text);
		return true;
	}
	free(text);
	if (gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof(bytes)) < 0) {
		fprintf(stderr, "skerryd: the system gives no random numbers\n");
		return false;
	}
	hex_write(run_name_key, bytes, sizeof(bytes));
	return state_write(RUN_NAME_FILE, run_name_key, 2 * RUN_NAME_KEY);
}

void run_name_make(uint64_t number, char *name, size_t room)
{
	char text[24], mark[2 * RUN_NAME_MARK + 1] = "";
	uint8_t digest[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, run_name_key, 2 * RUN_NAME_KEY, text, strlen(text),
			     digest) >= 0)
		hex_write(mark, digest, RUN_NAME_MARK);
	snprintf(name, room, "run_%s_%s", text, mark);
}

bool run_name_is(const char *name)
{
	char made[NAME_BYTES], *end;
	unsigned long long number;

	if (strncmp(name, "run_", 4))
		return false;
	number = strtoull(name + 4, &end, 10);
	if (strlen(end) != 1 + 2 * RUN_NAME_MARK)
		return false;
	run_name_make(number, made, sizeof(made));
	return !strcmp(made, name);
}
