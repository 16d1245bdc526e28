/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/line_editor.h"

/*
 * Completes the line for the Tab key: types the common beginning of all choices, or lists them if
 * they have none.
 */
void console_complete(struct line_editor *editor);
