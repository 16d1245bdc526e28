/* SPDX-License-Identifier: MIT */
/* All of web's folder e2b/ as one piece: what a test or a fuzz target of it includes. */
#pragma once

#include "gateway/web/e2b/e2b.c"
#undef BOX
#undef FILES
#undef PROCESS
#include "gateway/web/e2b/files.c"
#include "gateway/web/e2b/process.c"
#include "gateway/web/e2b/rest.c"
