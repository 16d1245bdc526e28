/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;

/*
 * The network cards that the manager has given this VM: opens their links, whose signals arrive in
 * the machine's queue with `key`.
 */
enum status net_open_all(struct machine *machine, u64 key) MUST_CHECK;
/* Has their signals arrive there again, after another process had them. */
enum status net_bind_all(struct machine *machine, u64 key) MUST_CHECK;
