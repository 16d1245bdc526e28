/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/line_editor.h"

/* Tab: types what all choices have in common; when that is nothing, they are listed. */
void console_complete(struct line_editor *editor);
