/* SPDX-License-Identifier: MIT */
/*
 * Finds a partition by name or UUID in a driver's report about its disk. Called by disk.c; holds no
 * state.
 */
#include "vmm/manager/disk/disk_partition.h"

#include "lib/bits.h"
#include "lib/read_once.h"
#include "lib/string.h"
#include "vmm/manager/text/guid.h"
#include "vmm/rt/format.h"

static bool disk_partition_is(const struct disk_partition *partition, const char *wanted)
{
	char id[GUID_TEXT_BYTES];

	guid_text(partition->id, id);
	return strncmp(partition->name, wanted, sizeof(partition->name)) == 0 ||
	       guid_equal(id, wanted);
}

/*
 * Copies up to two matching partitions and returns their count. The driver may write there at any
 * time, so each is copied before it is compared.
 */
static u32 disk_partition_look(const struct disk_unit *unit, const char *wanted,
			       struct disk_partition found[2])
{
	u32 count = READ_ONCE(unit->partition_count);
	u32 hits = 0;

	for (u32 i = 0; i < MIN(count, DISK_PARTITION_MAX) && hits < 2; i++) {
		found[hits] = unit->partition[i];
		hits += disk_partition_is(&found[hits], wanted);
	}
	return hits;
}

bool disk_partition_find(const struct disk_unit *unit, const char *wanted, const char *where,
			 struct disk_partition *found, char *problem, size_t size)
{
	struct disk_partition hit[2];
	char id[2][GUID_TEXT_BYTES];

	switch (disk_partition_look(unit, wanted, hit)) {
	case 0:
		if (unit->gpt_ignored != 0)
			format(problem, size,
			       "partition: \"%s\" is not looked for, as the GPT on %s is left "
			       "over: the first sector has no entry of type 0xEE; use the whole "
			       "disk",
			       wanted, where);
		else
			format(problem, size,
			       "partition: there is no \"%s\" on %s; `disk list` shows those that "
			       "there are",
			       wanted, where);
		return false;
	case 1:
		*found = hit[0];
		return true;
	default:
		guid_text(hit[0].id, id[0]);
		guid_text(hit[1].id, id[1]);
		format(problem, size,
		       "partition: \"%s\" is there twice on %s; use a UUID, %s or %s", wanted,
		       where, id[0], id[1]);
		return false;
	}
}
