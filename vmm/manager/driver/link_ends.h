/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/status.h"
#include "vmm/io/link.h"

/*
 * A client's part of a link: its memory, both events, and the generation that the client has seen.
 * A link to another server can be made from it; the client then only notices that the link begins
 * anew.
 */
struct link_ends {
	handle_t memory; /* the link's memory; HANDLE_NONE: there are no ends */
	handle_t doorbell;
	handle_t bell;
	struct link_memory *at; /* the memory, mapped in the manager */
	u32 generation;
};

/*
 * Makes the ends of a link whose memory has that many bytes; `group`, the client's, pays for all of
 * them. On failure the ends that were made are to be closed.
 */
enum status link_ends_make(handle_t group, u64 bytes, struct link_ends *ends) MUST_CHECK;
/*
 * Clears the server's fields in the link's memory, once the server has no access to it any more: a
 * hostile server could leave the number of the next generation there, and indices by which the
 * client would close the link before the next server has joined it.
 */
void link_ends_forget_server(struct link_ends *ends);
/* Closes the ends of a client that is gone, or that can have no link any more. */
void link_ends_close(struct link_ends *ends);
