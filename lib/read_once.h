/* SPDX-License-Identifier: MIT */
#pragma once

/* One load: memory that ring 3 or a guest shares may change between two. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
