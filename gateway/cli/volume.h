/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/cli/cli.h"

#define VOLUME_PATH_BYTES 1400

/* Writes the path of a store, or of a volume if `word` is STORE/VOLUME, with `below` behind it. */
void volume_path(char path[VOLUME_PATH_BYTES], const char *word, const char *below);
/* Connects, and runs `volume stat` with the words behind its name. */
enum cli_exit volume_stat(struct cli *cli, int count, char **words);
/*
 * Uploads the file words[0] into the volume words[1], which is made, with the size words[2] if
 * `count` is 3. Connects.
 */
enum cli_exit content_upload_file(struct cli *cli, int count, char **words);
