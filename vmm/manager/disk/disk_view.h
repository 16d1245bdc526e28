/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/driver/driver.h"

/*
 * Links that see what another link's part of its disk held at the last snapshot, while whoever has
 * that other link goes on writing. As long as there is a view the other link has to stay, and with
 * it what is kept for it: disk_is_viewed.
 */
static inline bool disk_is_view(const struct driver_link *link)
{
	return link->disk.view.number != 0;
}

/*
 * For `user`, who only reads and whose group pays for it. NULL: `problem` says why there is none.
 * It is given, renewed and ended as any other link.
 */
struct driver_link *disk_view_make(const struct driver_link *source, handle_t group,
				   const char *user, const struct share_given *limit, char *problem,
				   size_t size);
/*
 * For a user who may write too: above it, to what disk_undo_make has then made room for. Nothing
 * that it asks is done before disk_undo_begin.
 */
struct driver_link *disk_view_make_overlay(const struct driver_link *source, handle_t group,
					   const char *user, const struct share_given *limit,
					   char *problem, size_t size);
/* The link whose disk it sees. */
const struct driver_link *disk_view_source(const struct driver_link *view);
/* Why what it sees is there no more, NULL: it is. */
const char *disk_view_problem(const struct driver_link *view);
/* Whether there are views of what is kept for that link at present. */
bool disk_is_viewed(const struct driver_link *link);
