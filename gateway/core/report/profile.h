/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/report/report.h"

/* Returns whether there is a profile of that name. */
bool profile_known(const char *name);
/* Makes the section with the results of the profile's rules; a new reference. */
json_t *profile_section(const struct report_facts *facts, const char *name);
