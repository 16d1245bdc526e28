/* SPDX-License-Identifier: MIT */
/*
 * The reference of the memory model: what each place may hold, by who has written what when. Called
 * by the model's programs, which compare the kernel's memory with it.
 */
#include "tests/model/reference.h"

#include <string.h>

static u64 reference_count = 1; /* the number of writes so far */

/* A written value has its number, who wrote it and the place. */
#define NUMBER_SHIFT 16
#define OWNER_SHIFT  10

_Static_assert(REFERENCE_PLACES <= 1u << OWNER_SHIFT, "a place has 10 bits");
_Static_assert(REFERENCE_OWNERS <= 1u << (NUMBER_SHIFT - OWNER_SHIFT), "an owner has 6 bits");

void reference_init(struct reference *reference, u32 owner)
{
	*reference = (struct reference){.owner = owner};
}

void reference_copy(struct reference *to, const struct reference *from, u32 owner)
{
	*to = *from;
	to->owner = owner;
}

u64 reference_write(struct reference *reference, u32 place, bool zero)
{
	u64 value = ++reference_count << NUMBER_SHIFT | reference->owner << OWNER_SHIFT | place;

	if (zero)
		reference->zeroed[place] = reference_count;
	reference->word[place] = zero ? 0 : value;
	return reference->word[place];
}

void reference_follow(struct reference *copy, const struct reference *from)
{
	memcpy(copy->zeroed, from->zeroed, sizeof(copy->zeroed));
}

static bool reference_written_since(const struct reference *reference, u32 place, u64 value)
{
	u64 since = reference->since[place];

	if (value == 0)
		return reference->zeroed[place] >= since;
	return value >> NUMBER_SHIFT >= since && value >> NUMBER_SHIFT <= reference_count &&
	       value % (1u << NUMBER_SHIFT) == (reference->owner << OWNER_SHIFT | place);
}

bool reference_may_be(const struct reference *reference, u32 place, u64 value)
{
	if (value == reference->word[place])
		return true;
	return reference->since[place] != 0 &&
	       (value == reference->before[place] || value == reference->after[place] ||
		reference_written_since(reference, place, value));
}

void reference_open(struct reference *reference, u32 place, u64 after)
{
	if (reference->since[place] != 0)
		return;
	reference->since[place] = reference_count + 1;
	reference->before[place] = reference->word[place];
	reference->after[place] = after;
}

bool reference_close(struct reference *reference, u32 place, u64 value, bool gone)
{
	bool is_right = reference_may_be(reference, place, value);

	if (gone && reference->since[place] != 0)
		is_right = value == reference->after[place] ||
			   reference_written_since(reference, place, value);
	reference->since[place] = 0;
	reference->word[place] = value;
	return is_right;
}
