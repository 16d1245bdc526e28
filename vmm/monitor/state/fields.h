/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/query.h"

struct state_fields;

/* A field of a section's struct, or of a struct in it. */
struct state_field {
	const char *name;
	u32 offset;
	u32 width;			  /* bytes of one */
	u32 count;			  /* of an array; 1: it is none */
	u32 kind;			  /* enum query_field_kind */
	const struct state_fields *inner; /* NULL: it is no struct */
};

struct state_fields {
	const struct state_field *field;
	u32 count;
	u32 bytes; /* of the struct */
};

/* The fields of a kind of section; NULL: it has none to show. */
const struct state_fields *state_fields_of(u32 kind);
/* The same for devices alone. */
const struct state_fields *state_fields_of_device(u32 kind);
