/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * Views: links that show another link's part of its disk as it was at the last snapshot, while the
 * owner of that link continues to write. As long as there is a view, the owner's link and its old
 * blocks have to stay: disk_is_viewed.
 */
static inline bool disk_is_view(const struct driver_link *link)
{
	return link->disk.view.number != 0;
}

/*
 * Makes a view for `user`, which only reads and whose memory group pays for it. Returns NULL, with
 * the reason in `problem`, if that is not possible. A view is given, renewed and ended like any
 * other link.
 */
struct driver_link *disk_view_make(const struct driver_link *source, handle_t group,
				   const char *user, const struct share_given *limit, char *problem,
				   size_t size);
/*
 * Makes a view for a user that also writes: its writes are kept in an overlay, in memory that
 * disk_undo_make then adds. The driver serves no request through the view before disk_undo_begin.
 */
struct driver_link *disk_view_make_overlay(const struct driver_link *source, handle_t group,
					   const char *user, const struct share_given *limit,
					   char *problem, size_t size);
/* Returns the link whose disk the view sees. */
const struct driver_link *disk_view_source(const struct driver_link *view);
/* Returns why the old blocks that the view sees are gone, or NULL if they are not. */
const char *disk_view_problem(const struct driver_link *view);
/* Returns whether there are views of the old blocks kept for the link's disk. */
bool disk_is_viewed(const struct driver_link *link);
