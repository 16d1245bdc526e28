/* SPDX-License-Identifier: MIT */
/*
 * Makes links that see the old blocks of another link's disk. Called by the backup's copier, by
 * clones and snapshots, and by disk.c. Holds no state beyond the links.
 */
#include "vmm/manager/disk/disk_view.h"

#include "lib/string.h"
#include "vmm/manager/disk/disk_undo.h"
#include "vmm/rt/format.h"

static struct driver_link *disk_view_make_any(const struct driver_link *source, bool read_only,
					      handle_t group, const char *user,
					      const struct share_given *limit, char *problem,
					      size_t size)
{
	struct driver *driver = driver_of_link(source);
	const char *why =
		source->undo.number == 0 ? "nothing is kept of it" : disk_undo_problem(source);
	struct driver_link wanted = {
		.section = source->section,
		.fails = source->fails,
		.hidden_bytes = BLOCK_BOUNCE_BYTES,
		.disk = {.unit = source->disk.unit,
			 .first_sector = source->disk.first_sector,
			 .sectors = source->disk.sectors,
			 .read_only = read_only,
			 .limit = *limit,
			 .view = {.of = (u32)(source - driver->link),
				  .number = source->undo.number}},
	};

	if (why != NULL) {
		format(problem, size, "%s", why);
		return NULL;
	}
	string_copy(wanted.user, sizeof(wanted.user), user);
	string_copy(wanted.name, sizeof(wanted.name), source->name);
	return driver_link_make(driver, group, &wanted, problem, size);
}

struct driver_link *disk_view_make(const struct driver_link *source, handle_t group,
				   const char *user, const struct share_given *limit, char *problem,
				   size_t size)
{
	return disk_view_make_any(source, true, group, user, limit, problem, size);
}

struct driver_link *disk_view_make_overlay(const struct driver_link *source, handle_t group,
					   const char *user, const struct share_given *limit,
					   char *problem, size_t size)
{
	return disk_view_make_any(source, false, group, user, limit, problem, size);
}

const struct driver_link *disk_view_source(const struct driver_link *view)
{
	return &driver_of_link(view)->link[view->disk.view.of];
}

const char *disk_view_problem(const struct driver_link *view)
{
	const struct driver_link *source = disk_view_source(view);

	if (!source->used || source->undo.number != view->disk.view.number)
		return "its old blocks are kept no more";
	return disk_undo_problem(source);
}

bool disk_is_viewed(const struct driver_link *link)
{
	const struct driver *driver = driver_of_link(link);

	if (link->undo.number == 0)
		return false;
	for (u32 i = 0; i < DRIVER_CLIENT_MAX; i++) {
		if (driver->link[i].used && driver->link[i].disk.view.number == link->undo.number)
			return true;
	}
	return false;
}
