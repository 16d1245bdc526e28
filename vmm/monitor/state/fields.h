/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"
#include "vmm/rt/query.h"

struct state_fields;

/* The description of a field in a state section's struct, or in a struct within it. */
struct state_field {
	const char *name;
	u32 offset;
	u32 width; /* the bytes of one element */
	u32 count; /* the number of elements of the array; 1: the field is no array */
	u32 kind;  /* enum query_field_kind */
	/* The fields of the struct that this field is; NULL: the field is no struct. */
	const struct state_fields *inner;
};

struct state_fields {
	const struct state_field *field;
	u32 count;
	u32 bytes; /* the size of the described struct in bytes */
};

/* Returns the fields of a kind of section; NULL if it has none to show. */
const struct state_fields *state_fields_of(u32 kind);
/* Returns the fields of a device's section; NULL if the kind of section is no device's. */
const struct state_fields *state_fields_of_device(u32 kind);
