/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/console/line_editor.h"

/*
 * Completes the line for the Tab key: types what all choices have in common, or lists them if that
 * is nothing.
 */
void console_complete(struct line_editor *editor);
