/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"

struct object;

struct handle_entry {
	struct object *object; /* NULL: free; holds a reference */
	u16 rights;
	u16 generation; /* of the entry, so that a closed handle's number is not reused soon */
};

/* Lies in a block of pages of its own. Guarded by the object lock; `closed` is read without it. */
struct handle_table {
	u64 closed; /* counts closed entries: an earlier lookup may be stale if it has changed */
	u16 size;   /* of `entry`; a handle's index is the entry's plus 1 */
	u16 end;    /* entries from here on have never been used */
	u16 first_free; /* no entry below is free */
	struct handle_entry entry[];
};

/* Makes a cleared block of `bytes` an empty table. */
void handle_table_init(struct handle_table *table, size_t bytes);

/* Takes a reference to the object. STATUS_NO_QUOTA when the table is full. */
enum status handle_insert(struct handle_table *table, struct object *object, u32 rights,
			  u64 *handle) MUST_CHECK;

/*
 * The object of a handle, without a new reference: valid until the system call ends.
 * STATUS_BAD_HANDLE: no such entry, another type (OBJECT_NONE: any) or the object is dead;
 * STATUS_NO_RIGHT: some of `rights` are missing.
 */
enum status handle_lookup(const struct handle_table *table, u64 handle, enum object_type type,
			  u32 rights, struct object **object) MUST_CHECK;

/* The rights that a valid handle carries; 0 if it is not valid. */
u32 handle_rights(const struct handle_table *table, u64 handle);

/* STATUS_BAD_HANDLE: there is no such entry. A dead object's handle can be closed too. */
enum status handle_close(struct handle_table *table, u64 handle);

/* Closes all handles of dead objects, which would otherwise keep these from being freed. */
void handle_close_dead(struct handle_table *table);

/* Drops every reference; the table stays usable. */
void handle_close_all(struct handle_table *table);
