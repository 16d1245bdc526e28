/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"

struct machine;

/*
 * Opens the links of the network cards that the manager has given this VM; their signals arrive in
 * the machine's queue with `key`.
 */
enum status net_open_all(struct machine *machine, u64 key) MUST_CHECK;
/*
 * Binds the switches' signals to the machine's queue again, after another monitor process had them.
 */
enum status net_bind_all(struct machine *machine, u64 key) MUST_CHECK;
