/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/door/xdr.h"

struct arguments;
struct rpc;

/*
 * A procedure that is served. `takes` says what its arguments are, a letter each: d a domain, D one
 * that may be missing, a a list of domains, i a number of 32 bits, s a text, o one that may be
 * missing, u a UUID, n a name with a UUID (a pool, a network), v a volume, S a
 * snapshot, x a description in XML.
 */
struct procedure {
	uint32_t number;
	const char *takes;
	bool changes;  /* a connection that only reads may not call it */
	bool unopened; /* it may be called before ConnectOpen */
	void (*begin)(struct rpc *call);
};

/* Returns NULL when it is not served. */
const struct procedure *procedure_find(uint32_t number);
/* Returns its name in libvirt, or NULL when nothing has that number. */
const char *procedure_name(uint32_t number);
/* Reads what `takes` says; returns false when the contents are anything else. */
bool procedure_read(const char *takes, struct xdr_reader *contents, struct arguments *arguments);
