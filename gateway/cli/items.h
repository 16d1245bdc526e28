/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"
#include "gateway/cli/table.h"

/* Adds the cells of one item, as many as there are titles. */
typedef void items_row(struct table *table, const json_t *item);

/* GET of a path that answers with {"items":[...]}: a table, or the items as JSON. */
enum cli_exit items_show(struct cli *cli, const char *path, const char *titles, items_row *row);
