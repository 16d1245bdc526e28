/* SPDX-License-Identifier: MIT */
#pragma once

#define VOLUME_PATH_BYTES 1400

/* Writes the path of a store, or of a volume if `word` is STORE/VOLUME, with `below` behind it. */
void volume_path(char path[VOLUME_PATH_BYTES], const char *word, const char *below);
