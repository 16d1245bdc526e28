/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/status.h"
#include "mm/object.h"

/* Fills object_release: what happens when the last reference to an object goes. */
void teardown_init(void);

/*
 * One bounded step of giving back what unreferenced objects held. False when nothing is left to
 * do. Called from SYS_OBJECT_DESTROY and by an idle CPU.
 */
bool teardown_step(void);
