/* SPDX-License-Identifier: MIT */
/*
 * Makes a sentence that says why no volume of a store can be used. Called by commands, by the start
 * of VMs and by store.c; reads the driver's reports, and changes nothing.
 */
#include "vmm/manager/disk/store_owner.h"

#include "lib/bits.h"
#include "vmm/rt/format.h"

/* Writes which features of the format, each a bit of `needs`, this Skerry does not know. */
static void store_name_needs(u32 needs, char *text, size_t size)
{
	size_t length = format(text, size, "it needs feature");

	for (u32 i = 0; i < 32 && length < size; i++) {
		if ((needs & BIT(i)) != 0)
			length += format(text + length, size - length, " %u,", i);
	}
	if (length < size)
		format(text + length, size - length,
		       " which this Skerry does not know; use a newer one");
}

const char *store_find_problem(const struct store *store, char *text, size_t size)
{
	static const char *const states[STORE_STATE_COUNT] = {
		[STORE_LOADING] = "it is being loaded",
		[STORE_EMPTY] = "its disk holds no store; `store format` makes one",
		[STORE_SHORT] = "its memory is too small; make `memory` in its section larger",
		[STORE_BROKEN] = "what its disk holds is damaged",
		[STORE_FAILED] = "its disk did not take what was to be written",
		[STORE_HELD] = "another host holds it",
		[STORE_LOST] = "this host holds it no more; end the VMs that use it",
		[STORE_NEWER] = "its disk holds a store that a newer Skerry has made",
	};
	char reason[4 * STORE_TEXT_BYTES];
	char host[GUID_TEXT_BYTES];
	struct store_told told;

	if (store->problem[0] != '\0')
		return store->problem;
	if (store->driver == NULL)
		return "the driver of its disk is not ready";
	store_told(store, &told);
	if (told.state == STORE_READY)
		return store_twin_problem(store, text, size);
	driver_text(told.reason, sizeof(told.reason), reason, sizeof(reason));
	if (told.state == STORE_NEWER && told.version <= STORE_VERSION_KNOWN)
		store_name_needs(told.needs & ~(u32)STORE_NEEDS, reason, sizeof(reason));
	if (told.state == STORE_HELD || told.state == STORE_LOST) {
		store_owner_text(&told, host);
		format(text, size, "%s: it belongs to host %s since epoch %llu; %s",
		       states[told.state], host, (unsigned long long)told.owner.epoch, reason);
		return text;
	}
	format(text, size, "%s%s%s", states[told.state], reason[0] != '\0' ? ": " : "", reason);
	return text;
}
