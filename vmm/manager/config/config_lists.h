/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/* Values that are lists. The parsers return false for a text that they do not understand. */

/* Returns the index of `word` in a list of words, or -1. */
int config_find_word(const char *words, struct text word);
/* Splits at the first `separator`; without one, *head is the whole text and *rest is empty. */
bool config_split(struct text text, char separator, struct text *head, struct text *rest);

/*
 * Add the disks or cards in the text to the given ones, or clear these for the text "none";
 * config_parse_ports() fills a list that has no ports yet.
 */
bool config_parse_disks(struct text text, struct vm_disk *disks);
bool config_parse_nets(struct text text, struct vm_net *nets);
bool config_parse_ports(struct text text, char (*ports)[CONFIG_NAME_BYTES]);
/* Reads host CPUs such as `0-3,5`, or `all`, into CONFIG_CPU_WORDS words with a bit each. */
bool config_parse_cpus(struct text text, u64 maximum, u64 *words);
/*
 * Reads `STORE every TIME [chain N] [keep N]` into *plan, or clears it for the text "none". Returns
 * false for any other text.
 */
bool config_parse_backup(struct text text, struct backup_plan *plan);
/* Writes the plan so that config_parse_backup reads it, or "" if there is none. */
void config_backup_text(const struct backup_plan *plan, char *buffer, size_t size);
/* Reads the guests and ports of `vsock.peers`, such as `beta:5000, gamma:6000`, or `none`. */
bool config_parse_peers(struct text text, struct vm_peer *peers);
/* Says what is wrong with the VM's list of peers; returns false if nothing is. */
bool config_peers_wrong(const struct vm_config *vm, char *problem, size_t size);
/* Reads what cards may send to, such as `10.0.2.5:443/tcp, 10.1.0.0/16`, `any` or `none`. */
bool config_parse_egress(struct text text, struct net_egress_list *list);
/* Returns whether all that `list` lets out is let out by `outer` too. */
bool config_egress_within(const struct net_egress_list *list, const struct net_egress_list *outer);
/* Writes the list so that config_parse_egress reads it. */
void config_egress_text(const struct net_egress_list *list, char *buffer, size_t size);
/* Says what of the VM's cards does not go with its list of egress; returns false if all does. */
bool config_egress_wrong(const struct vm_config *vm, char *problem, size_t size);
/* Returns whether a disk is there more than once; `name` then names it. */
bool config_disk_twice(const struct vm_disk *disks, char name[CONFIG_DISK_BYTES]);
/*
 * Returns whether each word is like one of the patterns, or is a PCI address: no host has other
 * devices.
 */
bool config_names_devices(const char *patterns, struct text text);
