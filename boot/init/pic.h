/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* Moves both 8259s to 16 vectors from vector_base (a multiple of 8) and masks every input. */
void pic_disable(u8 vector_base);
