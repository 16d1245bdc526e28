/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/* Values that are lists. The parsers return false for what they do not understand. */

/* The place of `word` in a list of words, -1 when it is none of them. */
int config_find_word(const char *words, struct text word);
/* Splits at the first `separator`; without one, all is in *head and *rest is empty. */
bool config_split(struct text text, char separator, struct text *head, struct text *rest);

/* Both add to those that are there, or with "none" clear them. */
bool config_parse_disks(struct text text, struct vm_disk *disks);
bool config_parse_nets(struct text text, struct vm_net *nets);
bool config_parse_ports(struct text text, char (*ports)[CONFIG_NAME_BYTES]);
/* The name of a disk that is there more than once; NULL: there is none. */
const char *config_disk_twice(const struct vm_disk *disks);
