/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/door/xdr.h"

struct arguments;
struct rpc;

/*
 * A procedure that is served. `takes` lists its arguments, a letter each: d a domain, D one that
 * may be missing, a a list of domains, i a number of 32 bits, s a text, o one that may be missing,
 * u a UUID, n a name with a UUID (a pool, a network), v a volume, S a snapshot, x a description in
 * XML.
 */
struct procedure {
	uint32_t number;
	const char *takes;
	/* the procedure changes something: a connection that only reads may not call it */
	bool changes;
	bool unopened; /* the procedure may be called before ConnectOpen */
	void (*begin)(struct rpc *call);
};

/* Returns the procedure of that number, or NULL when door does not serve it. */
const struct procedure *procedure_find(uint32_t number);
/* Returns libvirt's name of the procedure, or NULL when none has that number. */
const char *procedure_name(uint32_t number);
/*
 * Reads a call's arguments, of the kinds that `takes` lists; returns false when the contents are
 * anything else.
 */
bool procedure_read(const char *takes, struct xdr_reader *contents, struct arguments *arguments);
