/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

struct object;

struct handle_entry {
	/* the object, to which the entry holds a reference; NULL: the entry is free */
	struct object *object;
	u16 rights;
	/*
	 * the number of times that the entry was used, part of the handle: so a closed handle's
	 * number is not reused soon
	 */
	u16 generation;
};

/*
 * A process's handles, in a block of pages of their own. The object lock guards the table; `closed`
 * is read without it.
 */
struct handle_table {
	/* number of handles ever closed: once it changes, an earlier lookup may be stale */
	u64 closed;
	/* number of entries of the table; a handle holds the index of its entry plus 1 */
	u16 size;
	u16 end;	/* no entry of the table from this index on was ever used */
	u16 first_free; /* no entry of the table below this index is free */
	struct handle_entry entry[];
};

/* Makes a cleared block of `bytes` an empty table. */
void handle_table_init(struct handle_table *table, size_t bytes);

/* Inserts a handle, which takes a reference to the object. STATUS_NO_QUOTA: the table is full. */
enum status handle_insert(struct handle_table *table, struct object *object, u32 rights,
			  u64 *handle) MUST_CHECK;

/*
 * Finds the object of a handle, without taking a reference: the pointer is valid until the system
 * call ends. STATUS_BAD_HANDLE: there is no such entry, the object has another type (OBJECT_NONE:
 * any) or is dead; STATUS_NO_RIGHT: some of `rights` are missing.
 */
enum status handle_lookup(const struct handle_table *table, u64 handle, enum object_type type,
			  u32 rights, struct object **object) MUST_CHECK;

/* Returns the rights that a valid handle carries; 0 if the handle is not valid. */
u32 handle_rights(const struct handle_table *table, u64 handle);

/* Closes a handle, also that of a dead object. STATUS_BAD_HANDLE: there is no such entry. */
enum status handle_close(struct handle_table *table, u64 handle);

/*
 * Closes all handles, or those of dead objects, whose references would keep those from being freed.
 * The table stays usable.
 */
void handle_close_those(struct handle_table *table, bool dead_only);
