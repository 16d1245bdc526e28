/* SPDX-License-Identifier: MIT */
#pragma once

/* Reads by a single load: memory shared with ring 3 or a guest may change between two loads. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
