/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"
#include "gateway/cli/table.h"

/* Adds the cells of one item; their number is that of the titles. */
typedef void items_row(struct table *table, const json_t *item);

/*
 * Sends a GET for a path that answers with {"items":[...]}, and prints the items as a table or,
 * with --json, as JSON.
 */
enum cli_exit items_show(struct cli *cli, const char *path, const char *titles, items_row *row);

typedef void item_print(const json_t *item);

/* Sends a GET, and has `print` show the answer or, with --json, prints the answer as JSON. */
enum cli_exit item_show(struct cli *cli, const char *path, item_print *print);
