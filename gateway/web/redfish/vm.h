/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Functions that read a VM as GET /v1/vms/{vm} shows it. */

/* Returns the value of a key of the VM's configuration, or "". */
const char *redfish_vm_key(json_t *vm, const char *key);
/* Returns Redfish's word for the VM's power state. */
const char *redfish_vm_power(json_t *vm);
/* Returns a new object: the body by which PATCH /v1/vms/{vm} sets a key; `value` "" unsets it. */
json_t *redfish_vm_setting(const char *key, const char *value);

/*
 * Finds the first disk of the VM that is a medium of a CD-ROM drive. Copies its name to `name`, and
 * to `others` the key's value without it. Returns false if there is none; `others` is then the
 * whole value, and `name` means nothing.
 */
bool redfish_vm_medium(json_t *vm, char *name, size_t name_room, char *others, size_t others_room);
